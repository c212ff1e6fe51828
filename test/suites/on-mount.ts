/** A mounted directory, through the kernel: node:fs, and libc for what Node does not have. */
import { constants } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { BcfsError, errnoName } from '../../lib/errors.js';
import { loadLibc } from '../../lib/libc.js';
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

const LOCK_EX = 2;
const LOCK_UN = 8;
const PROT_READ = 1;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const PAGE = 4096;
/** The type bits of a mode. */
const kinds = { fifo: constants.S_IFIFO, device: constants.S_IFCHR, regular: constants.S_IFREG } as const;
/** Major 1, minor 3. */
const NULL_DEVICE = 0x103;
/** struct statvfs, and where its fields are: bytes. */
const STATVFS_SIZE = 112;
const STATVFS = { bsize: 0, blocks: 16, bfree: 24, bavail: 32, files: 40, ffree: 48, namelen: 80 } as const;

/** The calls that Node does not have. They block this process: whoever serves the mount is another. */
function calls() {
  const { koffi, library } = loadLibc();
  const call = (prototype: string) => {
    const raw = library.func(prototype) as (...words: unknown[]) => number | bigint;
    return (...words: unknown[]): number => {
      const result = Number(raw(...words));
      if (result === -1) throw new BcfsError(errnoName(koffi.errno()), prototype);
      return result;
    };
  };
  const libc = {
    flock: call('int flock(int fd, int operation)'),
    lseek: call('long lseek(int fd, long offset, int whence)'),
    mmap: call('intptr_t mmap(void *at, size_t size, int prot, int flags, int fd, long offset)'),
    munmap: call('int munmap(intptr_t at, size_t size)'),
    memcpy: library.func('void *memcpy(void *to, intptr_t from, size_t size)') as (
      ...words: unknown[]
    ) => unknown,
    statvfs: call('int statvfs(const char *path, void *to)'),
    truncate: call('int truncate(const char *path, long length)'),
    mknod: call('int mknod(const char *path, unsigned int mode, unsigned long device)'),
    setxattr: call(
      'int setxattr(const char *path, const char *name, const char *value, size_t size, int flags)',
    ),
    getxattr: call('long getxattr(const char *path, const char *name, void *to, size_t size)'),
    listxattr: call('long listxattr(const char *path, void *to, size_t size)'),
  };
  return {
    flock(fd: number) {
      libc.flock(fd, LOCK_EX);
      libc.flock(fd, LOCK_UN);
    },
    seek: (fd: number, position: number) => void libc.lseek(fd, position, 0),
    mmap(fd: number, kind: 'shared' | 'private'): string {
      const at = libc.mmap(null, PAGE, PROT_READ, kind === 'shared' ? MAP_SHARED : MAP_PRIVATE, fd, 0);
      const page = Buffer.alloc(PAGE);
      libc.memcpy(page, at, PAGE);
      libc.munmap(at, PAGE);
      return page.toString('utf8', 0, page.indexOf(0));
    },
    statfs(path: string) {
      const to = Buffer.alloc(STATVFS_SIZE);
      libc.statvfs(path, to);
      const field = (at: number) => Number(to.readBigUInt64LE(at));
      return {
        bsize: field(STATVFS.bsize),
        namelen: field(STATVFS.namelen),
        blocks: field(STATVFS.blocks),
        bfree: field(STATVFS.bfree),
        bavail: field(STATVFS.bavail),
        files: field(STATVFS.files),
        ffree: field(STATVFS.ffree),
      };
    },
    truncate: (path: string, length: number) => void libc.truncate(path, length),
    mknod: (path: string, kind: keyof typeof kinds) =>
      void libc.mknod(path, kinds[kind] | 0o600, kind === 'device' ? NULL_DEVICE : 0),
    setxattr: (path: string, name: string) => void libc.setxattr(path, name, 'value', 5, 0),
    getxattr(path: string, name: string): string {
      const to = Buffer.alloc(PAGE);
      return to.toString('utf8', 0, libc.getxattr(path, name, to, to.length));
    },
    listxattr(path: string): string[] {
      const to = Buffer.alloc(PAGE);
      return to
        .toString('utf8', 0, libc.listxattr(path, to, to.length))
        .split('\0')
        .filter(Boolean);
    },
  };
}

/** What a synchronous call answers, as a promise. */
const answer = async <T>(call: () => T): Promise<T> => Promise.resolve(call());

/** @param answers what its transport cannot answer as configfs does */
export function onMount(mountpoint: string, answers: Answers): BeancounterBackend {
  const at = (path: string) => `${mountpoint}${path}`;
  const libc = calls();
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

    open: async (path, flags) => openFile(libc, await nodeFs.open(at(path), flags)),
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
    statfs: () => answer(() => libc.statfs(mountpoint)),
    // Node's own opens the file.
    truncate: (path, length) => answer(() => libc.truncate(at(path), length)),
    chmod: (path, mode) => nodeFs.chmod(at(path), mode),
    chown: (path, uid, gid) => nodeFs.chown(at(path), uid, gid),
    utimes: (path, atime, mtime) => nodeFs.utimes(at(path), seconds(atime), seconds(mtime)),
    mknod: (path, kind) => answer(() => libc.mknod(at(path), kind)),
    unlink: (path) => nodeFs.unlink(at(path)),
    rename: (from, to) => nodeFs.rename(at(from), at(to)),
    link: (from, to) => nodeFs.link(at(from), at(to)),
    symlink: (target, path) => nodeFs.symlink(target, at(path)),
    setxattr: (path, name) => answer(() => libc.setxattr(at(path), name)),
    getxattr: (path, name) => answer(() => libc.getxattr(at(path), name)),
    listxattr: (path) => answer(() => libc.listxattr(at(path))),

    charge: notOnMount('charge'),
    uncharge: notOnMount('uncharge'),
    execBcs: notOnMount('a look at exec_bc'),
  };
}

function openFile(libc: ReturnType<typeof calls>, file: nodeFs.FileHandle): OpenFile {
  return {
    read: async (length, position) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position ?? null);
      return buffer.toString('utf8', 0, bytesRead);
    },
    write: async (bytes, position) =>
      (await file.write(Buffer.from(bytes as Buffer), 0, null, position ?? null)).bytesWritten,
    seek: (position) => answer(() => libc.seek(file.fd, position)),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    datasync: () => file.datasync(),
    flock: () => answer(() => libc.flock(file.fd)),
    mmap: (kind) => answer(() => libc.mmap(file.fd, kind)),
    close: () => file.close(),
  };
}
