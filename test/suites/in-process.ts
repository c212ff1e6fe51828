/** The tree in process, over the operations that a mount has, with as much of the kernel as they expect above them. */
import { constants } from 'node:fs';
import { Severity } from '../../lib/bc/counter.js';
import { Registry } from '../../lib/bc/registry.js';
import { taskSource } from '../../lib/bc/task-source.js';
import { Tasks } from '../../lib/bc/tasks.js';
import type { Dialect } from '../../lib/bc/value.js';
import type { Node, Tree } from '../../lib/configfs/tree.js';
import { BcfsError, errno, errnoName, isErrno, type Errno } from '../../lib/errors.js';
import { operations, type Operations } from '../../lib/fuse/operations.js';
import { ProcfsTasks } from '../../lib/host/procfs-tasks.js';
import { beancounterTree } from '../../lib/nodes/subsystem.js';
import { asConfigfs, Cannot, type OpenDirectory, type OpenFile } from './backend.js';
import type { BeancounterBackend } from './v6.js';

/** What an operation gave; thrown, if it is an errno. */
function check<T>(result: T | Errno): T {
  if (!isErrno(result)) return result;
  throw new BcfsError(errnoName(result), 'refused');
}

/** A synchronous call as a backend has it. */
function promising<A extends unknown[], T>(call: (...args: A) => T): (...args: A) => Promise<T> {
  return (...args) =>
    new Promise((resolve) => {
      resolve(call(...args));
    });
}

/** An operation that gives nothing but perhaps an errno. */
function doing<A extends unknown[]>(operation: (...args: A) => unknown): (...args: A) => Promise<void> {
  return promising((...args: A) => {
    check(operation(...args));
  });
}

/** An operation whose answer is the kernel's or the transport's, and not the tree's. */
function kernels(what: string): () => Promise<never> {
  return promising(() => {
    throw new Cannot(`${what}: the tree is not asked`);
  });
}

const types = { fifo: constants.S_IFIFO, device: constants.S_IFCHR, regular: constants.S_IFREG };

/** Each call makes a tree of its own, over the tasks of this machine. */
export function inProcess(dialect: Dialect = 'people'): BeancounterBackend {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  const host = new ProcfsTasks(tasks);
  const tree = beancounterTree(registry, { dialect, source: taskSource(tasks, (pid) => host.find(pid)) });
  const ops = operations(tree);

  function open(path: string, flags: number): OpenFile {
    if (flags & constants.O_CREAT) {
      const answer = ops.create(path);
      if (answer !== -errno.EEXIST || flags & constants.O_EXCL) check(answer);
    }
    return openFile(ops, check(ops.open(path, flags)), path);
  }

  function counter(id: number, resource: string) {
    const index = registry.resources.findIndex(({ name }) => name === resource);
    return registry.find(id)!.counters[index]!;
  }

  return {
    answers: asConfigfs,

    readdir: promising((path) =>
      check(ops.readdir(path))
        .names.filter((name) => name !== '.' && name !== '..')
        .sort(),
    ),
    readFile: promising((path) => {
      const fd = check(ops.open(path, constants.O_RDONLY));
      const buffer = Buffer.alloc(1 << 16);
      try {
        return buffer.toString('utf8', 0, check(ops.read(fd, buffer, 0)));
      } finally {
        ops.release(fd);
      }
    }),
    writeFile: async (path, bytes) => {
      const file = open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
      await file.write(bytes).finally(() => file.close());
    },
    mkdir: doing((path) => {
      if (typeof path !== 'string') throw new Cannot('a name that is not UTF-8: names are text here');
      return ops.mkdir(path);
    }),
    rmdir: doing(ops.rmdir),

    open: promising(open),
    openDirectory: promising((path) => openDirectory(ops, tree, check(tree.resolve(path)))),
    stat: promising((path) => check(ops.getattr(path))),
    statfs: kernels('statfs'),
    truncate: doing(ops.truncate),
    chmod: doing(ops.chmod),
    chown: doing((path, uid, gid) => ops.chown(path, uid >>> 0, gid >>> 0)),
    utimes: doing(ops.utimens),
    mknod: doing((path, kind) => ops.mknod(path, types[kind] | 0o600)),
    unlink: doing(ops.unlink),
    rename: doing(ops.rename),
    link: doing(ops.link),
    symlink: doing(ops.symlink),
    setxattr: kernels('setxattr'),
    getxattr: kernels('getxattr'),
    listxattr: promising(() => {
      check(ops.listxattr());
      return [];
    }),

    charge: promising((id, resource, units) => counter(id, resource).charge(units, Severity.BARRIER)),
    uncharge: promising((id, resource, units) => counter(id, resource).uncharge(units)),
    execBcs: promising(() => Array.from(tasks, (task) => task.execBc.id)),
  };
}

function openFile(ops: Operations, fd: number, path: string): OpenFile {
  let offset = 0;
  return {
    read: promising((length, position) => {
      const buffer = Buffer.alloc(length);
      const count = check(ops.read(fd, buffer, position ?? offset));
      if (position === undefined) offset += count;
      return buffer.toString('utf8', 0, count);
    }),
    write: promising((bytes) => check(ops.write(fd, Buffer.from(bytes as Buffer)))),
    seek: promising((position) => {
      offset = position;
    }),
    truncate: doing(() => ops.truncate(path)),
    sync: doing(ops.fsync),
    datasync: doing(ops.fsync),
    flock: kernels('flock'),
    mmap: kernels('mmap'),
    close: doing(() => ops.release(fd)),
  };
}

function openDirectory(ops: Operations, tree: Tree, directory: Node): OpenDirectory {
  return {
    open: doing((name, flags) => tree.open(check(tree.lookup(directory, name)), flags)),
    mkdir: doing((name) => tree.mkdir(directory, name)),
    sync: doing(ops.fsync),
    close: doing(() => 0),
  };
}
