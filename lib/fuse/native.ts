/** The calls to libc that Node does not have. Linux only. */
import { openSync, readdirSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { BcfsError, errnoName, strerror } from '../errors.js';

interface Libc {
  umount2(target: string, flags: number): number;
  dup(fd: number): number;
  dup2(from: number, to: number): number;
  fcntl(fd: number, command: number, type: 'int', argument: number): number;
  /** Of the call before. */
  errno(): number;
}

/** Loaded with the first call, for programs that only count never make one. */
let loaded: Libc | undefined;

function libc(): Libc {
  if (loaded) return loaded;
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  const library = koffi.load('libc.so.6');
  loaded = {
    umount2: library.func('int umount2(const char *target, int flags)') as Libc['umount2'],
    dup: library.func('int dup(int fd)') as Libc['dup'],
    dup2: library.func('int dup2(int from, int to)') as Libc['dup2'],
    fcntl: library.func('int fcntl(int fd, int command, ...)') as Libc['fcntl'],
    errno: () => koffi.errno(),
  };
  return loaded;
}

/** umount2(2): detach now, let go when nobody uses it any more. */
export const MNT_DETACH = 2;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** @throws BcfsError with the errno's code */
function check(result: number, what: string): number {
  if (result !== -1) return result;
  const code = errnoName(libc().errno());
  throw new BcfsError(code, `${what}: ${strerror(code)}`);
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
  check(libc().dup2(openSync('/dev/null', 'w'), 2), 'dup2');
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

/** Whether a descriptor leads to /dev/fuse. */
export function isFuse(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/fuse';
  } catch {
    return false; // the descriptor that listed the directory
  }
}
