/**
 * The transport over fuse-native: libfuse 2, one request after the other on the main thread.
 *
 * The only file that knows fuse-native. It loads it when something is mounted, with the libfuse that its own
 * dependency carries, so that neither libfuse2 nor fusermount need be installed.
 */
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import createDebug from 'debug';
import { statfs, type Stat, type Tree } from '../configfs/tree.js';
import { BcfsError, describe, errno, isErrno, safeLog, type Errno } from '../errors.js';
import { closeOnExec, fuseDescriptors, isFuse } from './native.js';
import { operations, type Operations } from './operations.js';
import { SpinningLoop } from './spin.js';
import type { CarryOptions, Connection, Transport } from './transport.js';

const debug = createDebug('bcfs:fuse');

/** What is used of fuse-native, which has no types of its own. */
type Answer = (result: number, ...values: unknown[]) => void;
type Handler = (path: string, ...rest: never[]) => void;
interface Fuse {
  mount(callback: (error: Error | null) => void): void;
  /** By opcode, what the binding calls: with the request and its opcode before the arguments. */
  readonly _handlers: ((request: object, opcode: number, ...rest: never[]) => void)[];
}
interface FuseConstructor {
  new (mountpoint: string, handlers: Readonly<Record<string, Handler>>, options: object): Fuse;
}
/** What fuse-native calls itself: for each operation an opcode and what answers a request. */
interface Binding extends Readonly<Record<`op_${'open' | 'read' | 'write' | 'release'}`, number>> {
  readonly fuse_native_signal_open: (request: object, result: number, fd: number) => void;
  readonly fuse_native_signal_read: SignalTransfer;
  readonly fuse_native_signal_write: SignalTransfer;
  readonly fuse_native_signal_release: (request: object, result: number) => void;
}
/** @param done it is detached: the buffer that came with the request, so that nothing uses it any more */
type SignalTransfer = (request: object, bytes: number, unused: number, done: ArrayBufferLike) => void;

/** RTLD_LAZY | RTLD_GLOBAL | RTLD_NODELETE: the binding finds libfuse in the process then. */
const KEEP_LOADED = 0x1 | 0x100 | 0x1000;

/**
 * How many threads libfuse keeps. It ends those above ten when they are idle, and starts others, and fuse-native
 * leaks a handle for each: see `freezeThreads`.
 */
const WORKERS = 10;

/** Bytes of a mountpoint: fuse-native cuts off the rest, and would mount on another directory. */
const LONGEST_PATH = 1023;

/** How often to look whether somebody has unmounted, in milliseconds. */
const WATCH_INTERVAL = 1000;

/** The mount before: they are made one after the other, for that is how the descriptor of each is known. */
let last: Promise<unknown> = Promise.resolve();

export const fuseNative: Transport = (tree, mountpoint, options) => {
  const carried = last.then(() => carry(tree, mountpoint, options));
  last = carried.catch(() => undefined);
  return carried;
};

async function carry(tree: Tree, mountpoint: string, options: CarryOptions): Promise<Connection> {
  if (Buffer.byteLength(mountpoint) > LONGEST_PATH) {
    throw new BcfsError(
      'ENAMETOOLONG',
      `${mountpoint}: longer than the ${LONGEST_PATH} bytes of fuse-native`,
    );
  }
  const { Fuse, binding } = load();
  const gate = new Gate();
  const spinning = options.ownsProcess ? SpinningLoop.ifUseful() : undefined;
  const handlers = makeHandlers(operations(tree), gate, safeLog(options.log), spinning);
  const fuse = new Fuse(mountpoint, handlers, {
    // What fuse-native has no name for passes through the file system's name.
    fsname: ['bcfs', ...libfuseOptions(options)].join(','),
    subtype: 'bcfs',
    defaultPermissions: true,
    allowOther: options.allowOther,
    autoUnmount: false,
    timeout: false,
  });
  shorten(fuse._handlers, binding, handlers);
  // One that somebody set would have it start with no thread at all.
  delete process.env['FUSE_THREAD_STACK'];
  const before = fuseDescriptors();
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) => (error ? reject(error) : resolve()));
  });
  const [fd = -1] = fuseDescriptors().filter((each) => !before.includes(each));
  // A child that outlives a killed daemon would keep the dead mount hanging.
  closeOnExec(fd);
  if (options.ownsProcess) await freezeThreads(mountpoint, gate);
  // libfuse closes it when the kernel tells it that the mount has gone, but does not pass that on.
  const isConnected = () => isFuse(fd);
  const ended = new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (isConnected()) return;
      clearInterval(timer);
      resolve();
    }, WATCH_INTERVAL);
  });
  return { isConnected, ended };
}

function libfuseOptions({ ro, flags, validity }: CarryOptions): string[] {
  return [
    // Without it a read could come from a page that was cached before the value changed.
    'direct_io',
    // O_TRUNC comes with open, not as a truncate of its own.
    'atomic_o_trunc',
    `attr_timeout=${validity}`,
    `entry_timeout=${validity}`,
    'use_ino',
    'readdir_ino',
    'big_writes',
    // The mountpoint was looked at; libfuse looks again only at this.
    'nonempty',
    ...(ro ? ['ro'] : []),
    ...flags,
  ];
}

function load(): { Fuse: FuseConstructor; binding: Binding } {
  const require = createRequire(import.meta.url);
  try {
    const inFuseNative = createRequire(require.resolve('fuse-native'));
    const { lib } = inFuseNative('fuse-shared-library') as { lib: string };
    try {
      process.dlopen({ exports: {} }, lib, KEEP_LOADED);
    } catch (error) {
      // It is loaded, and it is no addon: that is what the throw says.
      debug('libfuse: %s', (error as Error).message);
    }
    const nodeGypBuild = inFuseNative('node-gyp-build') as (directory: string) => Binding;
    return {
      Fuse: require('fuse-native') as FuseConstructor,
      binding: nodeGypBuild(dirname(require.resolve('fuse-native'))),
    };
  } catch (error) {
    throw new BcfsError('ENODEV', `fuse-native does not load: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
}

/**
 * One handler per operation that is answered; libfuse answers the others, and does without a request for
 * those that are optional (access, flush, opendir, getxattr and their kin). A handler answers exactly once,
 * whatever happens: a request without an answer hangs its caller for ever.
 */
function makeHandlers(
  ops: Operations,
  gate: Gate,
  log: CarryOptions['log'],
  spinning: SpinningLoop | undefined,
) {
  /** The one try, the one answer. */
  function answer(name: string, path: string, callback: Answer, call: () => number): void {
    let result: number;
    try {
      result = call();
    } catch (error) {
      log(`${name} ${path}: ${describe(error)}`);
      result = -errno.EIO;
    }
    debug('%s %s: %d', name, path, result);
    callback(result);
    spinning?.answered();
  }

  /** For operations that answer with an errno or 0. */
  function plain(name: string, call: (path: string, ...rest: never[]) => number): Handler {
    return (path: string, ...rest: unknown[]) => {
      const callback = rest.pop() as Answer;
      answer(name, path, callback, () => call(path, ...(rest as never[])));
    };
  }

  /** For operations that answer with values: `call` gives them, or an errno. */
  function valued(name: string, path: string, callback: Answer, call: () => unknown[] | Errno): void {
    let values: unknown[] = [];
    const respond: Answer = (result) => callback(result, ...values);
    answer(name, path, respond, () => {
      const found = call();
      if (typeof found === 'number') return found;
      values = found;
      return 0;
    });
  }

  return {
    getattr(path: string, callback: Answer) {
      gate.pass(() =>
        valued('getattr', path, callback, () => {
          const found = ops.getattr(path);
          return isErrno(found) ? found : [nativeStat(found)];
        }),
      );
    },
    readdir(path: string, callback: Answer) {
      valued('readdir', path, callback, () => {
        const found = ops.readdir(path);
        return isErrno(found) ? found : [found.names, found.stats.map(nativeStat)];
      });
    },
    statfs(path: string, callback: Answer) {
      valued('statfs', path, callback, () => [
        { bsize: statfs.bsize, frsize: statfs.bsize, namemax: statfs.namelen },
      ]);
    },
    open(path: string, flags: number, callback: Answer) {
      const respond: Answer = (result) => callback(Math.min(result, 0), Math.max(result, 0));
      answer('open', path, respond, () => ops.open(path, flags));
    },
    // A count is the result itself here; what fuse-native hands over is libfuse's own buffer.
    read(path: string, fd: number, buffer: Buffer, position: number, callback: Answer) {
      answer('read', path, callback, () => ops.read(fd, buffer, position));
    },
    write(path: string, fd: number, buffer: Buffer, callback: Answer) {
      answer('write', path, callback, () => ops.write(fd, buffer));
    },
    release(path: string, fd: number, callback: Answer) {
      answer('release', path, callback, () => ops.release(fd));
    },
    truncate: plain('truncate', (path: string) => ops.truncate(path)),
    ftruncate: plain('ftruncate', (path: string) => ops.truncate(path)),
    chmod: plain('chmod', ops.chmod),
    chown: plain('chown', ops.chown),
    utimens: plain('utimens', ops.utimens),
    mkdir: plain('mkdir', ops.mkdir),
    rmdir: plain('rmdir', ops.rmdir),
    create: plain('create', ops.create),
    mknod: plain('mknod', ops.mknod),
    unlink: plain('unlink', ops.unlink),
    rename: plain('rename', ops.rename),
    symlink: plain('symlink', ops.symlink),
    link: plain('link', ops.link),
    fsync: plain('fsync', ops.fsync),
    fsyncdir: plain('fsyncdir', ops.fsync),
    listxattr: plain('listxattr', ops.listxattr),
  };
}

/** Detached in place of a small buffer. */
const detached = new ArrayBuffer(0);

/**
 * Bytes of a buffer that is left to the garbage collector, rather than detached and given back in a turn of the event
 * loop. Until then V8 counts it as memory that is in use: with large ones it would collect all the time.
 */
const SMALL = 4096;

/** What is to be detached of the buffer that a request came with. Nothing uses it after the answer, either way. */
const used = (buffer: Buffer) => (buffer.length > SMALL ? buffer.buffer : detached);

/**
 * Spares what fuse-native does between its binding and a handler, for the requests of an open, a read or a write, and a
 * close: it copies the arguments three times, detaches each buffer, and answers in a tick of its own. That is a tenth of
 * the time of the three.
 */
function shorten(
  called: Fuse['_handlers'],
  binding: Binding,
  handlers: ReturnType<typeof makeHandlers>,
): void {
  const { op_open, op_read, op_write, op_release } = binding;
  const settled = Promise.resolve();
  /** Answers after the call that the request came with: the binding has not done with it before, and an answer ends it. */
  const respond = (answer: () => void): void => void settled.then(answer);

  called[op_open] = (request, _opcode, path: string, flags: number) =>
    handlers.open(path, flags, (result, fd) =>
      respond(() => binding.fuse_native_signal_open(request, result, fd as number)),
    );
  called[op_read] = (
    request,
    _opcode,
    path: string,
    fd: number,
    buffer: Buffer,
    _length: number,
    low: number,
    high: number,
  ) =>
    handlers.read(path, fd, buffer, high * 2 ** 32 + low, (bytes) =>
      respond(() => binding.fuse_native_signal_read(request, bytes, 0, used(buffer))),
    );
  called[op_write] = (request, _opcode, path: string, fd: number, buffer: Buffer) =>
    handlers.write(path, fd, buffer, (bytes) =>
      respond(() => binding.fuse_native_signal_write(request, bytes, 0, used(buffer))),
    );
  called[op_release] = (request, _opcode, path: string, fd: number) =>
    handlers.release(path, fd, (result) =>
      respond(() => binding.fuse_native_signal_release(request, result)),
    );
}

/** A stat as fuse-native takes it. */
function nativeStat(found: Stat): object {
  return { ...found, blksize: statfs.bsize };
}

/** Holds requests back until so many are there that each has a thread of its own. */
class Gate {
  #waiting: (() => void)[] = [];
  #wanted = 0;

  pass(call: () => void): void {
    if (this.#wanted === 0) return call();
    this.#waiting.push(call);
    if (this.#waiting.length === this.#wanted) this.open();
  }

  close(wanted: number): void {
    this.#wanted = wanted;
  }

  open(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#wanted = 0;
    for (const call of waiting) call();
  }
}

/** How long the threads may take to come up, in milliseconds; with fewer it works too. */
const WARM_UP = 500;

/**
 * Has libfuse start its threads now, and none ever after: so many requests at once as there shall be threads,
 * then a stack size that no new thread can have. Each later attempt costs a line on descriptor 2.
 */
async function freezeThreads(mountpoint: string, gate: Gate): Promise<void> {
  gate.close(WORKERS);
  const timer = setTimeout(() => gate.open(), WARM_UP);
  // Asynchronous, so the main thread is free to answer.
  await Promise.allSettled(Array.from({ length: WORKERS }, () => stat(mountpoint)));
  clearTimeout(timer);
  // Some may have been answered without a request: then those that come later are not to wait.
  gate.open();
  process.env['FUSE_THREAD_STACK'] = '-1';
}
