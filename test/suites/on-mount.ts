/** A mounted directory, through the kernel: node:fs, and Python for what Node does not have. */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { BcfsError, errnoName } from '../../lib/errors.js';
import { TIME_LIMIT } from '../fixtures/command.js';
import { python as interpreter } from '../fixtures/python.js';
import { asConfigfs, Cannot, type Answers, type OpenFile } from './backend.js';
import type { BeancounterBackend } from './v6.js';

/** What the kernel answers in place of configfs, whatever the tree says. */
export const overDevFuse: Answers = {
  ...asConfigfs,
  // It is where the mount is: the kernel refuses before it asks.
  rmdirOfSubsystem: 'EBUSY',
  // The kernel reads the page like any file's.
  privateMmap: '',
  // The kernel does not pass it on.
  emptyWrite: '',
  // Each byte that is not UTF-8 comes as a character of three.
  longInvalidName: 'ENAMETOOLONG',
  knowsCaller: true,
};

/** What libfuse and fuse-native answer besides. */
export const overFuseNative: Answers = {
  ...overDevFuse,
  // libfuse has no path for the file any more, and fuse-native does not let it go without one.
  readOfRemoved: 'ENOENT',
  // fuse-native passes the access time in both places.
  hasOwnMtime: false,
  // The caller's pid does not come through.
  knowsCaller: false,
};

/** Prints one line of JSON: a value, or the number of an errno. Descriptor 0 is the file where there is one. */
const script = `
import fcntl, json, mmap, os, stat, sys

def flock():
    fcntl.flock(0, fcntl.LOCK_EX)
    fcntl.flock(0, fcntl.LOCK_UN)

def map_page(kind):
    flags = mmap.MAP_SHARED if kind == 'shared' else mmap.MAP_PRIVATE
    with mmap.mmap(0, 4096, flags, mmap.PROT_READ) as page:
        return page[:].split(b'\\0')[0].decode()

def statfs(path):
    s = os.statvfs(path)
    return dict(bsize=s.f_bsize, namelen=s.f_namemax, blocks=s.f_blocks, bfree=s.f_bfree,
                bavail=s.f_bavail, files=s.f_files, ffree=s.f_ffree)

kinds = dict(fifo=stat.S_IFIFO, device=stat.S_IFCHR, regular=stat.S_IFREG)
calls = dict(
    flock=flock,
    mmap=map_page,
    lseek=lambda position: os.lseek(0, int(position), os.SEEK_SET),
    statfs=statfs,
    truncate=lambda path, length: os.truncate(path, int(length)),
    mknod=lambda path, kind: os.mknod(path, kinds[kind] | 0o600, os.makedev(1, 3)),
    setxattr=lambda path, name: os.setxattr(path, name, b'value'),
    getxattr=lambda path, name: os.getxattr(path, name).decode(),
    listxattr=lambda path: os.listxattr(path),
)
try:
    print(json.dumps(dict(value=calls[sys.argv[1]](*sys.argv[2:]))))
except OSError as error:
    print(json.dumps(dict(errno=error.errno)))
`;

/** @param fd what the call is about, as the helper's descriptor 0 */
async function python(call: string, args: readonly string[], fd?: number): Promise<unknown> {
  const helper = spawn(interpreter, ['-c', script, call, ...args], {
    stdio: [fd ?? 'ignore', 'pipe', 'pipe'],
    timeout: TIME_LIMIT,
    killSignal: 'SIGKILL',
  });
  const missing = new Promise<never>((_, reject) => {
    helper.once('error', () => {
      reject(new Cannot(`${call}: needs python3`));
    });
  });
  const [out, err] = await Promise.race([Promise.all([text(helper.stdout!), text(helper.stderr!)]), missing]);
  if (out === '') throw new Error(`python3: ${call}: ${err}`);
  const { errno, value } = JSON.parse(out) as { errno?: number; value?: unknown };
  if (errno !== undefined) throw new BcfsError(errnoName(errno), call);
  return value;
}

/** @param answers what its transport cannot answer as configfs does */
export function onMount(mountpoint: string, answers: Answers): BeancounterBackend {
  const at = (path: string) => `${mountpoint}${path}`;
  const seconds = (milliseconds: number) => milliseconds / 1000;
  const notOnMount = (what: string) => () =>
    Promise.reject(new Cannot(`${what}: only the daemon's own code can`));

  return {
    answers,

    readdir: async (path) => (await nodeFs.readdir(at(path))).sort(),
    readFile: (path) => nodeFs.readFile(at(path), 'utf8'),
    writeFile: async (path, bytes) => {
      const file = await nodeFs.open(at(path), constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
      try {
        await file.write(Buffer.from(bytes as Buffer));
      } finally {
        await file.close();
      }
    },
    mkdir: (path) => nodeFs.mkdir(Buffer.concat([Buffer.from(mountpoint), Buffer.from(path as Buffer)])),
    rmdir: (path) => nodeFs.rmdir(at(path)),

    open: async (path, flags) => openFile(await nodeFs.open(at(path), flags)),
    openDirectory: async (path) => {
      const directory = await nodeFs.open(at(path), constants.O_DIRECTORY);
      const inside = (name: string) => `/proc/self/fd/${directory.fd}/${name}`;
      return {
        open: async (name, flags) => (await nodeFs.open(inside(name), flags)).close(),
        mkdir: (name) => nodeFs.mkdir(inside(name)),
        sync: () => directory.sync(),
        close: () => directory.close(),
      };
    },
    stat: async (path) => {
      const { ino, mode, nlink, uid, gid, size, atimeMs, mtimeMs } = await nodeFs.stat(at(path));
      return { ino, mode, nlink, uid, gid, size, atime: atimeMs, mtime: mtimeMs };
    },
    statfs: () => python('statfs', [mountpoint]) as ReturnType<BeancounterBackend['statfs']>,
    // Node's own opens the file.
    truncate: async (path, length) => {
      await python('truncate', [at(path), String(length)]);
    },
    chmod: (path, mode) => nodeFs.chmod(at(path), mode),
    chown: (path, uid, gid) => nodeFs.chown(at(path), uid, gid),
    utimes: (path, atime, mtime) => nodeFs.utimes(at(path), seconds(atime), seconds(mtime)),
    mknod: async (path, kind) => {
      await python('mknod', [at(path), kind]);
    },
    unlink: (path) => nodeFs.unlink(at(path)),
    rename: (from, to) => nodeFs.rename(at(from), at(to)),
    link: (from, to) => nodeFs.link(at(from), at(to)),
    symlink: (target, path) => nodeFs.symlink(target, at(path)),
    setxattr: async (path, name) => {
      await python('setxattr', [at(path), name]);
    },
    getxattr: (path, name) => python('getxattr', [at(path), name]) as Promise<string>,
    listxattr: (path) => python('listxattr', [at(path)]) as Promise<string[]>,

    charge: notOnMount('charge'),
    uncharge: notOnMount('uncharge'),
    execBcs: notOnMount('a look at exec_bc'),
  };
}

function openFile(file: nodeFs.FileHandle): OpenFile {
  return {
    read: async (length, position) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position ?? null);
      return buffer.toString('utf8', 0, bytesRead);
    },
    write: async (bytes, position) =>
      (await file.write(Buffer.from(bytes as Buffer), 0, null, position ?? null)).bytesWritten,
    seek: async (position) => {
      await python('lseek', [String(position)], file.fd);
    },
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    datasync: () => file.datasync(),
    flock: async () => {
      await python('flock', [], file.fd);
    },
    mmap: (kind) => python('mmap', [kind], file.fd) as Promise<string>,
    close: () => file.close(),
  };
}
