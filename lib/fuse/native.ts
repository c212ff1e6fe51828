/** The calls to libc that Node does not have. Linux only. */
import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { BcfsError, errnoName, strerror, type Errno } from '../errors.js';
import { loadLibc } from '../libc.js';

interface Libc {
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  umount2(target: string, flags: number): number;
  read(fd: number, buffer: Uint8Array, size: number): number;
  write(fd: number, buffer: Uint8Array, size: number): number;
  poll(fds: Uint8Array, count: number, timeout: number): number;
  eventfd(value: number, flags: number): number;
  dup(fd: number): number;
  dup2(from: number, to: number): number;
  fcntl(fd: number, command: number, type: 'int', argument: number): number;
  socketpair(domain: number, type: number, protocol: number, pair: Uint8Array): number;
  recvmsg(fd: number, message: object, flags: number): number;
  flock(fd: number, operation: number): number;
  _exit(code: number): never;
  /** Of the call before. */
  errno(): number;
}

let loaded: Libc | undefined;

function libc(): Libc {
  if (loaded) return loaded;
  const { koffi, library } = loadLibc();
  koffi.struct('iovec', { base: 'void *', length: 'size_t' });
  koffi.struct('msghdr', {
    name: 'void *',
    nameLength: 'uint32_t',
    vectors: 'iovec *',
    vectorCount: 'size_t',
    control: 'void *',
    controlLength: 'size_t',
    flags: 'int',
  });
  loaded = {
    mount: library.func(
      'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
    ) as Libc['mount'],
    read: library.func('long read(int fd, void *buffer, size_t size)') as Libc['read'],
    write: library.func('long write(int fd, const void *buffer, size_t size)') as Libc['write'],
    poll: library.func('int poll(void *fds, unsigned long count, int timeout)') as Libc['poll'],
    eventfd: library.func('int eventfd(unsigned int value, int flags)') as Libc['eventfd'],
    umount2: library.func('int umount2(const char *target, int flags)') as Libc['umount2'],
    dup: library.func('int dup(int fd)') as Libc['dup'],
    dup2: library.func('int dup2(int from, int to)') as Libc['dup2'],
    fcntl: library.func('int fcntl(int fd, int command, ...)') as Libc['fcntl'],
    socketpair: library.func(
      'int socketpair(int domain, int type, int protocol, void *pair)',
    ) as Libc['socketpair'],
    recvmsg: library.func('long recvmsg(int fd, _Inout_ msghdr *message, int flags)') as Libc['recvmsg'],
    flock: library.func('int flock(int fd, int operation)') as Libc['flock'],
    _exit: library.func('void _exit(int code)') as unknown as Libc['_exit'],
    errno: () => koffi.errno(),
  };
  return loaded;
}

/** umount2(2): whoever waits for an answer gets an error. */
export const MNT_FORCE = 1;
/** umount2(2): detach now, let go when nobody uses it any more. */
export const MNT_DETACH = 2;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;
const LOCK_EX = 2;
const LOCK_NB = 4;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
/** struct cmsghdr, a size_t and two ints, with room for one descriptor; and what it says its length is. */
const CONTROL_SIZE = 24;
const CONTROL_LENGTH = 20;
const EFD_CLOEXEC = 0o2000000;
/** struct pollfd: an int and two shorts. */
const POLLFD_SIZE = 8;
const POLLIN = 1;
const FD_CLOEXEC = 1;

/** @throws BcfsError with the errno's code */
function check(result: number, what: string): number {
  if (result !== -1) return result;
  const code = errnoName(libc().errno());
  throw new BcfsError(code, `${what}: ${strerror(code)}`);
}

/** mount(2). @throws BcfsError EPERM and its other errnos */
export function mount(source: string, target: string, type: string, flags: number, data: string): void {
  check(libc().mount(source, target, type, flags, data), `mount ${target}`);
}

/** read(2). @returns the bytes read, or a negative errno */
export function read(fd: number, buffer: Uint8Array): number | Errno {
  const count = libc().read(fd, buffer, buffer.length);
  return count < 0 ? -libc().errno() : count;
}

/** write(2) of the first `size` bytes. @returns the bytes written, or a negative errno */
export function write(fd: number, buffer: Uint8Array, size: number): number | Errno {
  const count = libc().write(fd, buffer, size);
  return count < 0 ? -libc().errno() : count;
}

/** A descriptor that another thread makes readable with `wake`. */
export function eventfd(): number {
  return check(libc().eventfd(0, EFD_CLOEXEC), 'eventfd');
}

/** Makes an eventfd readable. */
export function wake(fd: number): void {
  const one = new Uint8Array(8);
  one[0] = 1;
  write(fd, one, one.length);
}

/** Makes an eventfd not readable any more. */
export function drain(fd: number): void {
  read(fd, new Uint8Array(8));
}

/** What poll(2) is asked: whether each descriptor is readable. */
export class Pollset {
  readonly #fds: Buffer;
  readonly #count: number;

  constructor(descriptors: readonly number[]) {
    this.#count = descriptors.length;
    this.#fds = Buffer.alloc(descriptors.length * POLLFD_SIZE);
    descriptors.forEach((fd, i) => {
      this.#fds.writeInt32LE(fd, i * POLLFD_SIZE);
      this.#fds.writeInt16LE(POLLIN, i * POLLFD_SIZE + 4);
    });
  }

  /** Sleeps until one is readable, or gone, or so many milliseconds have passed. */
  wait(timeout: number): void {
    libc().poll(this.#fds, this.#count, timeout);
  }

  /** Whether the descriptor at an index was readable, or gone, when `wait` returned. */
  isReady(index: number): boolean {
    return this.#fds.readInt16LE(index * POLLFD_SIZE + 6) !== 0;
  }
}

/**
 * umount2(2). Neither umount(8) nor fusermount is needed.
 *
 * @throws BcfsError EBUSY if it is in use and not detached, EINVAL if nothing is mounted there, EPERM
 */
export function umount(mountpoint: string, flags: number): void {
  check(libc().umount2(mountpoint, flags), `umount ${mountpoint}`);
}

/**
 * Points descriptor 2 at /dev/null: libfuse writes there whatever it likes.
 *
 * @returns a descriptor that leads where 2 led
 */
export function divertStderr(): number {
  const saved = check(libc().dup(2), 'dup');
  const nowhere = openSync('/dev/null', 'w');
  check(libc().dup2(nowhere, 2), 'dup2');
  closeSync(nowhere);
  return saved;
}

/** Points descriptor 2 at where it led before `divertStderr`. @param saved what that returned */
export function restoreStderr(saved: number): void {
  check(libc().dup2(saved, 2), 'dup2');
}

/** The descriptors of this process that lead to /dev/fuse: one for each mount that it serves. */
export function fuseDescriptors(): number[] {
  return readdirSync('/proc/self/fd').map(Number).filter(isFuse);
}

/** Closes a descriptor in whatever this process spawns. */
export function closeOnExec(fd: number): void {
  check(libc().fcntl(fd, F_SETFD, 'int', FD_CLOEXEC), 'fcntl');
}

/** Has reads of a descriptor, and of all that share it, return at once. */
export function setNonblocking(fd: number): void {
  const flags = check(libc().fcntl(fd, F_GETFL, 'int', 0), 'fcntl');
  check(libc().fcntl(fd, F_SETFL, 'int', flags | O_NONBLOCK), 'fcntl');
}

/**
 * Locks what a descriptor leads to against others who lock it, until the descriptor is closed.
 *
 * @returns whether nobody else has it locked; where nothing can be locked nobody has
 */
export function lock(fd: number): boolean {
  return libc().flock(fd, LOCK_EX | LOCK_NB) === 0 || errnoName(libc().errno()) !== 'EAGAIN';
}

/** Two sockets that lead to each other, closed on exec. */
export function socketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  check(libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 'socketpair');
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}

/**
 * Takes the descriptor that somebody sent over a socket, closed on exec; waits until something comes, or the other end
 * is closed. Source: unix(7), cmsg(3).
 *
 * @returns undefined if none came
 */
export function receiveDescriptor(socket: number): number | undefined {
  const control = Buffer.alloc(CONTROL_SIZE);
  const message = {
    name: null,
    nameLength: 0,
    vectors: [{ base: Buffer.alloc(1), length: 1 }],
    vectorCount: 1,
    control,
    controlLength: CONTROL_SIZE,
    flags: 0,
  };
  check(libc().recvmsg(socket, message, MSG_CMSG_CLOEXEC), 'recvmsg');
  const isOne =
    control.readUInt32LE(0) === CONTROL_LENGTH &&
    control.readInt32LE(8) === SOL_SOCKET &&
    control.readInt32LE(12) === SCM_RIGHTS;
  return isOne ? control.readInt32LE(16) : undefined;
}

/** Ends the process without waiting for its threads, one of which may never end. */
/* c8 ignore start: nor does what counts as covered get written */
export function exitNow(code: number): never {
  return libc()._exit(code);
}
/* c8 ignore stop */

/** Loads now what the first call would load then, when there may be no descriptor left. @throws Error if it cannot be */
export function loadNative(): void {
  libc();
}

/** Whether a descriptor leads to /dev/fuse. */
export function isFuse(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/fuse';
  } catch {
    return false; // the descriptor that listed the directory
  }
}
