/**
 * A tree as path-based file operations: what libfuse's high-level interface asks for, as a pure table.
 *
 * Each answers at once, with a value or a negative errno, and none throws. Open attributes are numbers here,
 * as descriptors are.
 */
import type { Node, Stat, Tree } from '../configfs/tree.js';
import { errno, isErrno, type Errno } from '../errors.js';
import { OpenTable } from './open-table.js';

export interface Listing {
  readonly names: string[];
  /** Of each name, in the same order. */
  readonly stats: Stat[];
}

/** chown's "leave it as it is": (uid_t) -1. */
const UNCHANGED = 2 ** 32 - 1;

export type Operations = ReturnType<typeof operations>;

export function operations(tree: Tree) {
  const files = new OpenTable();

  /** Runs `call` with the node of a path. */
  function at<T>(path: string, call: (node: Node) => T | Errno): T | Errno {
    const node = tree.resolve(path);
    return isErrno(node) ? node : call(node);
  }

  /** Runs `call` with the directory that a path's last name is in, and that name. */
  function inside<T>(path: string, call: (parent: Node, name: string) => T | Errno): T | Errno {
    const slash = path.lastIndexOf('/');
    return at(path.slice(0, slash), (parent) => call(parent, path.slice(slash + 1)));
  }

  return {
    getattr: (path: string): Stat | Errno => at(path, (node) => tree.getattr(node)),

    readdir: (path: string): Listing | Errno =>
      at(path, (node) => {
        const entries = tree.readdir(node);
        if (isErrno(entries)) return entries;
        const listing: Listing = { names: [], stats: [] };
        for (const entry of [{ name: '.', node }, { name: '..', node: tree.parent(node) }, ...entries]) {
          const stat = tree.getattr(entry.node);
          if (isErrno(stat)) continue;
          listing.names.push(entry.name);
          listing.stats.push(stat);
        }
        return listing;
      }),

    /** @returns a number for `read`, `write` and `release` */
    open: (path: string, flags: number): number | Errno =>
      at(path, (node) => {
        const file = tree.open(node, flags);
        return isErrno(file) ? file : files.enter(file);
      }),

    /** @returns the bytes read */
    read: (fd: number, buffer: Uint8Array, position: number): number | Errno =>
      files.get(fd)?.read(buffer, position) ?? -errno.EBADF,

    /** @returns the bytes written */
    write: (fd: number, bytes: Uint8Array): number | Errno => files.get(fd)?.write(bytes) ?? -errno.EBADF,

    release: (fd: number): 0 | Errno => (files.leave(fd) ? 0 : -errno.EBADF),

    truncate: (path: string): 0 | Errno => at(path, (node) => tree.truncate(node)),
    chmod: (path: string, mode: number): 0 | Errno => at(path, (node) => tree.chmod(node, mode)),
    chown: (path: string, uid: number, gid: number): 0 | Errno =>
      at(path, (node) => tree.chown(node, uid === UNCHANGED ? -1 : uid, gid === UNCHANGED ? -1 : gid)),
    utimens: (path: string, atime: number, mtime: number): 0 | Errno =>
      at(path, (node) => tree.utimes(node, atime, mtime)),

    mkdir: (path: string): 0 | Errno =>
      inside(path, (parent, name) => {
        const made = tree.mkdir(parent, name);
        return isErrno(made) ? made : 0;
      }),
    rmdir: (path: string): 0 | Errno => inside(path, (parent, name) => tree.rmdir(parent, name)),

    create: (path: string): Errno => inside(path, (parent, name) => tree.create(parent, name)),
    mknod: (path: string, mode: number): Errno =>
      inside(path, (parent, name) => tree.mknod(parent, name, mode)),
    unlink: (path: string): Errno => inside(path, (parent, name) => tree.unlink(parent, name)),
    rename: (path: string): Errno => inside(path, (parent, name) => tree.rename(parent, name)),
    symlink: (_target: string, path: string): Errno =>
      inside(path, (parent, name) => tree.symlink(parent, name)),
    link: (path: string, newPath: string): Errno =>
      inside(newPath, (parent, name) => tree.link(tree.resolve(path), parent, name)),

    /** fsync, fdatasync: configfs has none. */
    fsync: (): Errno => -errno.EINVAL,
    /** listxattr: none; setxattr and getxattr are not supported, which is what not having them says. */
    listxattr: (): 0 => 0,
  };
}
