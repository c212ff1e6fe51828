/**
 * Errors: one table of errno, one class.
 *
 * Two ways to fail, as in the kernel. What is called often, or on behalf of a file operation, returns a
 * negative errno (`-errno.EINVAL`) beside its value; what a program calls once throws a `BcfsError`, whose
 * `code` is the errno's name and stays the same from release to release.
 */
import { inspect } from 'node:util';

/** Every errno that Node.js knows on Linux. Where two names share a number, the one that it goes by is the later. */
const table = {
  EPERM: [1, 'Operation not permitted'],
  ENOENT: [2, 'No such file or directory'],
  ESRCH: [3, 'No such process'],
  EINTR: [4, 'Interrupted system call'],
  EIO: [5, 'Input/output error'],
  ENXIO: [6, 'No such device or address'],
  E2BIG: [7, 'Argument list too long'],
  ENOEXEC: [8, 'Exec format error'],
  EBADF: [9, 'Bad file descriptor'],
  ECHILD: [10, 'No child processes'],
  EWOULDBLOCK: [11, 'Resource temporarily unavailable'],
  EAGAIN: [11, 'Resource temporarily unavailable'],
  ENOMEM: [12, 'Cannot allocate memory'],
  EACCES: [13, 'Permission denied'],
  EFAULT: [14, 'Bad address'],
  EBUSY: [16, 'Device or resource busy'],
  EEXIST: [17, 'File exists'],
  EXDEV: [18, 'Invalid cross-device link'],
  ENODEV: [19, 'No such device'],
  ENOTDIR: [20, 'Not a directory'],
  EISDIR: [21, 'Is a directory'],
  EINVAL: [22, 'Invalid argument'],
  ENFILE: [23, 'Too many open files in system'],
  EMFILE: [24, 'Too many open files'],
  ENOTTY: [25, 'Inappropriate ioctl for device'],
  ETXTBSY: [26, 'Text file busy'],
  EFBIG: [27, 'File too large'],
  ENOSPC: [28, 'No space left on device'],
  ESPIPE: [29, 'Illegal seek'],
  EROFS: [30, 'Read-only file system'],
  EMLINK: [31, 'Too many links'],
  EPIPE: [32, 'Broken pipe'],
  EDOM: [33, 'Numerical argument out of domain'],
  ERANGE: [34, 'Numerical result out of range'],
  EDEADLK: [35, 'Resource deadlock avoided'],
  ENAMETOOLONG: [36, 'File name too long'],
  ENOLCK: [37, 'No locks available'],
  ENOSYS: [38, 'Function not implemented'],
  ENOTEMPTY: [39, 'Directory not empty'],
  ELOOP: [40, 'Too many levels of symbolic links'],
  ENOMSG: [42, 'No message of desired type'],
  EIDRM: [43, 'Identifier removed'],
  ENOSTR: [60, 'Device not a stream'],
  ENODATA: [61, 'No data available'],
  ETIME: [62, 'Timer expired'],
  ENOSR: [63, 'Out of streams resources'],
  ENOLINK: [67, 'Link has been severed'],
  EPROTO: [71, 'Protocol error'],
  EMULTIHOP: [72, 'Multihop attempted'],
  EBADMSG: [74, 'Bad message'],
  EOVERFLOW: [75, 'Value too large for defined data type'],
  EILSEQ: [84, 'Invalid or incomplete multibyte or wide character'],
  ENOTSOCK: [88, 'Socket operation on non-socket'],
  EDESTADDRREQ: [89, 'Destination address required'],
  EMSGSIZE: [90, 'Message too long'],
  EPROTOTYPE: [91, 'Protocol wrong type for socket'],
  ENOPROTOOPT: [92, 'Protocol not available'],
  EPROTONOSUPPORT: [93, 'Protocol not supported'],
  ENOTSUP: [95, 'Operation not supported'],
  EOPNOTSUPP: [95, 'Operation not supported'],
  EAFNOSUPPORT: [97, 'Address family not supported by protocol'],
  EADDRINUSE: [98, 'Address already in use'],
  EADDRNOTAVAIL: [99, 'Cannot assign requested address'],
  ENETDOWN: [100, 'Network is down'],
  ENETUNREACH: [101, 'Network is unreachable'],
  ENETRESET: [102, 'Network dropped connection on reset'],
  ECONNABORTED: [103, 'Software caused connection abort'],
  ECONNRESET: [104, 'Connection reset by peer'],
  ENOBUFS: [105, 'No buffer space available'],
  EISCONN: [106, 'Transport endpoint is already connected'],
  ENOTCONN: [107, 'Transport endpoint is not connected'],
  ETIMEDOUT: [110, 'Connection timed out'],
  ECONNREFUSED: [111, 'Connection refused'],
  EHOSTUNREACH: [113, 'No route to host'],
  EALREADY: [114, 'Operation already in progress'],
  EINPROGRESS: [115, 'Operation now in progress'],
  ESTALE: [116, 'Stale file handle'],
  EDQUOT: [122, 'Disk quota exceeded'],
  ECANCELED: [125, 'Operation canceled'],
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

/** Who asks for an operation, as the kernel tells it. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** The thread that makes the call, in this process's pid namespace; 0 for one that is not seen from there. */
  readonly pid: number;
}

/** Whether a result that is a value or an errno is an errno. Only for values that are never negative numbers. */
export function isErrno(result: unknown): result is Errno {
  return typeof result === 'number' && result < 0;
}

/** The one error that bcfs throws. `code` is an errno's name and is part of the interface; the message is not. */
export class BcfsError extends Error {
  /** The errno's name. */
  readonly code: ErrnoName;

  /** @throws TypeError if the code is not the name of an errno: it would be a refusal that nobody could tell */
  constructor(code: ErrnoName, message: string, options?: ErrorOptions) {
    if (!Object.hasOwn(errno, code))
      throw new TypeError(`${describe(code)} is not the name of an errno: ${message}`);
    super(message, options);
    this.name = 'BcfsError';
    this.code = code;
  }

  /** The negative errno, as a file operation answers it. */
  get errno(): Errno {
    return -errno[this.code];
  }
}

/** What is logged of whatever was thrown: of an error its stack. Never throws itself. */
export function describe(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return typeof thrown === 'string' ? thrown : inspect(thrown);
    const text: unknown = thrown.stack ?? thrown.message;
    return String(text);
  } catch {
    return 'something that cannot be printed';
  }
}

/** A log that may be called anywhere: what the program's own one throws is nobody's to catch, and is dropped. */
export function safeLog(log: (message: string) => void): (message: string) => void {
  return (message) => {
    try {
      log(message);
    } catch {
      // There is nowhere left to say it.
    }
  };
}
