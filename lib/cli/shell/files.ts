/**
 * The tree as a process sees it: a working directory, `.` and `..` and slashes in paths, open and its kin as the
 * kernel answers them before it asks a file system. As root: no mode keeps it out.
 *
 * Source: Linux fs/namei.c, path_resolution(7); configfs.md.
 */
import { constants } from 'node:fs';
import { posix } from 'node:path';
import { ATTRIBUTE_SIZE } from '../../configfs/attribute.js';
import type { Stat } from '../../configfs/tree.js';
import { errno, isErrno, type Errno } from '../../errors.js';
import type { Operations } from '../../fuse/operations.js';

const { O_RDONLY, O_WRONLY, S_IFMT, S_IFDIR } = constants;

/** What a path leads to. */
export interface Found {
  /** From the root, without `.` and `..`. */
  readonly path: string;
  readonly stat: Stat;
}

/** A name in a directory. */
export interface Entry {
  readonly name: string;
  readonly stat: Stat;
}

export function isDirectory({ mode }: Stat): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

export type Files = ReturnType<typeof openFiles>;

/** @param ro whether to answer as a read-only mount does: EROFS */
export function openFiles(operations: Operations, ro: boolean) {
  let cwd = '/';

  /** The path from the root, without `.` and `..`. Its directory is there; whether it is itself is not looked at. */
  function realpath(path: string): string | Errno {
    if (path === '') return -errno.ENOENT;
    let at = path.startsWith('/') ? '/' : cwd;
    // What was named on the way must be there; the current directory may have been removed.
    let wasNamed = false;
    for (const name of path.split('/')) {
      if (name === '') continue;
      const directory = wasNamed ? operations.getattr(at) : undefined;
      if (isErrno(directory)) return directory;
      if (directory && !isDirectory(directory)) return -errno.ENOTDIR;
      at = posix.join(at, name);
      wasNamed = name !== '.' && name !== '..';
    }
    return at;
  }

  function find(path: string): Found | Errno {
    const at = realpath(path);
    if (isErrno(at)) return at;
    const stat = operations.getattr(at);
    if (isErrno(stat)) return stat;
    return path.endsWith('/') && !isDirectory(stat) ? -errno.ENOTDIR : { path: at, stat };
  }

  /** Opens what exists. @returns a number for `write` and `release`, or for `operations` */
  function open(path: string, flags: number): number | Errno {
    const found = find(path);
    if (isErrno(found)) return found;
    if (isDirectory(found.stat)) return -errno.EISDIR;
    if (ro && flags !== O_RDONLY) return -errno.EROFS;
    return operations.open(found.path, flags);
  }

  return {
    find,
    realpath,

    get cwd(): string {
      return cwd;
    },

    chdir(path: string): 0 | Errno {
      const found = find(path);
      if (isErrno(found)) return found;
      if (!isDirectory(found.stat)) return -errno.ENOTDIR;
      cwd = found.path;
      return 0;
    },

    /** What is in a directory, `.` and `..` first. */
    list(path: string): Entry[] | Errno {
      const found = find(path);
      if (isErrno(found)) return found;
      const listing = operations.readdir(found.path);
      if (isErrno(listing)) return listing;
      const stats = [found.stat, operations.getattr(posix.dirname(found.path)), ...listing.stats.slice(2)];
      return listing.names.map((name, index) => ({ name, stat: stats[index] as Stat }));
    },

    mkdir(path: string): 0 | Errno {
      const at = realpath(path);
      if (isErrno(at)) return at;
      const name = lastName(path);
      if (name === undefined || name === '.' || name === '..') return -errno.EEXIST;
      if (!ro) return operations.mkdir(at);
      return isErrno(operations.getattr(at)) ? -errno.EROFS : -errno.EEXIST;
    },

    rmdir(path: string): 0 | Errno {
      const at = realpath(path);
      if (isErrno(at)) return at;
      switch (lastName(path)) {
        case '.':
          return -errno.EINVAL;
        case '..':
          return -errno.ENOTEMPTY;
        case undefined:
          return -errno.EBUSY;
        default:
          return ro ? -errno.EROFS : operations.rmdir(at);
      }
    },

    /** The whole of a file. */
    read(path: string): Uint8Array | Errno {
      const fd = open(path, O_RDONLY);
      if (isErrno(fd)) return fd;
      // An attribute has no more than this.
      const buffer = Buffer.alloc(ATTRIBUTE_SIZE);
      const count = operations.read(fd, buffer, 0);
      operations.release(fd);
      return isErrno(count) ? count : buffer.subarray(0, count);
    },

    /** As O_WRONLY | O_CREAT. @returns a number for `write` and `release` */
    openToWrite(path: string): number | Errno {
      const at = realpath(path);
      if (isErrno(at)) return at;
      if (path.endsWith('/')) return -errno.EISDIR;
      if (operations.getattr(at) !== -errno.ENOENT) return open(path, O_WRONLY);
      return ro ? -errno.EROFS : operations.create(at);
    },

    /** Writes all of `bytes`, with as many stores as it takes. */
    write(fd: number, bytes: Uint8Array): 0 | Errno {
      for (let at = 0; at < bytes.length;) {
        const count = operations.write(fd, bytes.subarray(at));
        if (count < 0) return count;
        at += count;
      }
      return 0;
    },

    release: (fd: number): 0 | Errno => operations.release(fd),
  };
}

/** The last name of a path; undefined for the root. */
function lastName(path: string): string | undefined {
  return path.split('/').findLast((name) => name !== '');
}
