/** The calls to libc that Node does not have. Linux only. */
import { openSync, readdirSync, readlinkSync } from 'node:fs';
import koffi from 'koffi';
import { BcfsError, errnoName, strerror } from '../errors.js';

const libc = koffi.load('libc.so.6');
const callUmount2 = libc.func('int umount2(const char *target, int flags)') as (
  target: string,
  flags: number,
) => number;
const callDup = libc.func('int dup(int fd)') as (fd: number) => number;
const callDup2 = libc.func('int dup2(int from, int to)') as (from: number, to: number) => number;
const callFcntl = libc.func('int fcntl(int fd, int command, ...)') as (
  fd: number,
  command: number,
  type: 'int',
  argument: number,
) => number;

/** umount2(2): detach now, let go when nobody uses it any more. */
export const MNT_DETACH = 2;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** @throws BcfsError with the errno's code */
function check(result: number, what: string): number {
  if (result !== -1) return result;
  const code = errnoName(koffi.errno());
  throw new BcfsError(code, `${what}: ${strerror(code)}`);
}

/**
 * umount2(2). Neither umount(8) nor fusermount is needed.
 *
 * @throws BcfsError EBUSY if it is in use and not detached, EINVAL if nothing is mounted there, EPERM
 */
export function umount(mountpoint: string, flags: number): void {
  check(callUmount2(mountpoint, flags), `umount ${mountpoint}`);
}

/**
 * Points descriptor 2 at /dev/null: libfuse writes there whatever it likes.
 *
 * @returns a descriptor that leads where 2 led
 */
export function divertStderr(): number {
  const saved = check(callDup(2), 'dup');
  check(callDup2(openSync('/dev/null', 'w'), 2), 'dup2');
  return saved;
}

/**
 * Closes every open /dev/fuse in whatever this process spawns: a child that outlives a killed daemon would keep
 * the dead mount hanging.
 */
export function closeFuseOnExec(): void {
  for (const fd of readdirSync('/proc/self/fd')) {
    if (isFuse(fd)) check(callFcntl(Number(fd), F_SETFD, 'int', FD_CLOEXEC), 'fcntl');
  }
}

function isFuse(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/fuse';
  } catch {
    return false; // the descriptor that listed the directory
  }
}
