/**
 * Errors: one table of errno, one class.
 *
 * Two ways to fail, as in the kernel. What is called often, or on behalf of a file operation, returns a
 * negative errno (`-errno.EINVAL`) beside its value; what a program calls once throws a `BcfsError`, whose
 * `code` is the errno's name and stays the same from release to release.
 */

const table = {
  EPERM: [1, 'Operation not permitted'],
  ENOENT: [2, 'No such file or directory'],
  ESRCH: [3, 'No such process'],
  EINTR: [4, 'Interrupted system call'],
  EIO: [5, 'Input/output error'],
  EBADF: [9, 'Bad file descriptor'],
  EAGAIN: [11, 'Resource temporarily unavailable'],
  ENOMEM: [12, 'Cannot allocate memory'],
  EACCES: [13, 'Permission denied'],
  EBUSY: [16, 'Device or resource busy'],
  EEXIST: [17, 'File exists'],
  ENODEV: [19, 'No such device'],
  ENOTDIR: [20, 'Not a directory'],
  EISDIR: [21, 'Is a directory'],
  EINVAL: [22, 'Invalid argument'],
  ENFILE: [23, 'Too many open files in system'],
  EMFILE: [24, 'Too many open files'],
  ENOSPC: [28, 'No space left on device'],
  EROFS: [30, 'Read-only file system'],
  EPIPE: [32, 'Broken pipe'],
  ENAMETOOLONG: [36, 'File name too long'],
  ENOSYS: [38, 'Function not implemented'],
  ENOTEMPTY: [39, 'Directory not empty'],
  EOPNOTSUPP: [95, 'Operation not supported'],
  ENOTCONN: [107, 'Transport endpoint is not connected'],
  ETIMEDOUT: [110, 'Connection timed out'],
} as const satisfies Record<string, readonly [number, string]>;

/** The name of an errno, as errno(3) spells it. */
export type ErrnoName = keyof typeof table;

/** A negative errno, returned in place of a value: `-errno.ENOENT`. */
export type Errno = number;

const names = Object.keys(table) as ErrnoName[];

/** The errno numbers of Linux (asm-generic), by name; positive. */
export const errno = Object.fromEntries(names.map((name) => [name, table[name][0]])) as Readonly<
  Record<ErrnoName, number>
>;

const nameByNumber = new Map<number, ErrnoName>(names.map((name) => [errno[name], name]));

/** The name of an errno, given with either sign; `EIO` for one that the table does not have. */
export function errnoName(number: number): ErrnoName {
  return nameByNumber.get(Math.abs(number)) ?? 'EIO';
}

/** What strerror(3) says, by the name of the errno. */
export function strerror(name: ErrnoName): string {
  return table[name][1];
}

/** Whether a result that is a value or an errno is an errno. Only for values that are never negative numbers. */
export function isErrno(result: unknown): result is Errno {
  return typeof result === 'number' && result < 0;
}

/** The one error that bcfs throws. `code` is an errno's name and is part of the interface; the message is not. */
export class BcfsError extends Error {
  /** The errno's name. */
  readonly code: ErrnoName;

  constructor(code: ErrnoName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BcfsError';
    this.code = code;
  }

  /** The negative errno, as a file operation answers it. */
  get errno(): Errno {
    return -errno[this.code];
  }
}
