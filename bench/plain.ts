/**
 * What bcfs is compared with: a tree of the same shape, served by fuse-native as its README shows, without any
 * option. `node plain.js few|all <mountpoint>`, started with an IPC channel; it says when it is mounted.
 *
 * `few` has the handlers of the README's example (readdir, getattr, open, release, read), and those without which
 * nothing can be written or made (write, truncate, mkdir, rmdir). `all` also has those that the README lists and
 * that a file system of this kind can do without.
 */
import { createRequire } from 'node:module';

type Answer = (result: number, ...values: unknown[]) => void;
type FuseConstructor = new (
  mountpoint: string,
  handlers: object,
) => { mount(callback: (error: Error | null) => void): void };

/** libfuse as fuse-native carries it, for machines without one: see lib/fuse/fuse-native.ts. */
function loadFuse(): FuseConstructor {
  const require = createRequire(import.meta.url);
  const inFuseNative = createRequire(require.resolve('fuse-native'));
  try {
    process.dlopen({ exports: {} }, (inFuseNative('fuse-shared-library') as { lib: string }).lib, 0x1101);
  } catch {
    // Loaded, and no addon.
  }
  return require('fuse-native') as FuseConstructor;
}

const ENOENT = -2;

const resources = ['kmemsize', 'privvmpages', 'physpages', 'numtasks', 'numfiles'];
const values = ['barrier', 'limit', 'held', 'maxheld', 'minheld', 'failcnt'];

/** Directories by path: the names in them. Files by path: what they hold. */
const directories = new Map<string, Set<string>>([['/', new Set(['description'])]]);
const files = new Map<string, string>([['/description', 'plain\n']]);

function makeBeancounter(path: string): void {
  directories.set(path, new Set(['id', 'tasks', 'threads', ...resources]));
  for (const name of ['id', 'tasks', 'threads']) files.set(`${path}/${name}`, '0\n');
  for (const resource of resources) {
    directories.set(`${path}/${resource}`, new Set(values));
    for (const value of values) files.set(`${path}/${resource}/${value}`, '0\n');
  }
  directories.get('/')?.add(path.slice(1));
}

function dropBeancounter(path: string): void {
  for (const map of [directories, files]) {
    for (const other of map.keys()) if (other === path || other.startsWith(`${path}/`)) map.delete(other);
  }
  directories.get('/')?.delete(path.slice(1));
}

/** As the README's own. */
function stat(isDirectory: boolean, size: number): object {
  return {
    mtime: new Date(),
    atime: new Date(),
    ctime: new Date(),
    size,
    mode: isDirectory ? 0o40755 : 0o100644,
    uid: process.getuid?.(),
    gid: process.getgid?.(),
  };
}

const handlers = {
  readdir(path: string, answer: Answer) {
    const names = directories.get(path);
    if (names) answer(0, [...names]);
    else answer(ENOENT);
  },
  getattr(path: string, answer: Answer) {
    const content = files.get(path);
    if (directories.has(path)) answer(0, stat(true, 4096));
    else if (content !== undefined) answer(0, stat(false, content.length));
    else answer(ENOENT);
  },
  open(_path: string, _flags: number, answer: Answer) {
    answer(0, 42);
  },
  release(_path: string, _fd: number, answer: Answer) {
    answer(0);
  },
  read(path: string, _fd: number, buffer: Buffer, length: number, position: number, answer: Answer) {
    const content = files.get(path)?.slice(position, position + length) ?? '';
    if (content === '') answer(0);
    else answer(buffer.write(content));
  },
  write(path: string, _fd: number, buffer: Buffer, length: number, _position: number, answer: Answer) {
    files.set(path, buffer.toString('utf8', 0, length));
    answer(length);
  },
  truncate(path: string, _size: number, answer: Answer) {
    files.set(path, '');
    answer(0);
  },
  mkdir(path: string, _mode: number, answer: Answer) {
    makeBeancounter(path);
    answer(0);
  },
  rmdir(path: string, answer: Answer) {
    dropBeancounter(path);
    answer(0);
  },
};

/** What else the README lists and a first implementation tends to have: each is a round trip more. */
const more = {
  access: (_path: string, _mode: number, answer: Answer) => answer(0),
  fgetattr: (path: string, _fd: number, answer: Answer) => handlers.getattr(path, answer),
  flush: (_path: string, _fd: number, answer: Answer) => answer(0),
  fsync: (_path: string, _dataSync: boolean, _fd: number, answer: Answer) => answer(0),
  opendir: (_path: string, _flags: number, answer: Answer) => answer(0, 42),
  releasedir: (_path: string, _fd: number, answer: Answer) => answer(0),
  ftruncate: (path: string, _fd: number, size: number, answer: Answer) =>
    handlers.truncate(path, size, answer),
};

makeBeancounter('/0');
const [kind = '', mountpoint = ''] = process.argv.slice(2);
new (loadFuse())(mountpoint, kind === 'all' ? { ...handlers, ...more } : handlers).mount((error) =>
  process.send?.({ error: error?.message }),
);
