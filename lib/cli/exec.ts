/**
 * Becoming another program: execve(2), when what Node has changed in this process for its own sake was put back.
 *
 * | what Node does when it starts | what is done about it |
 * |---|---|
 * | SIGPIPE and SIGXFSZ are ignored | they have their default again |
 * | the soft limit of open files becomes the hard one | that of the parent, if the hard one is the parent's |
 * | the first 16 descriptors close on exec, those inherited too | they stay open, but for Node's own |
 * | standard streams are made non-blocking, and a terminal's is opened anew | blocking again |
 * | arguments and environment are read as UTF-8 | they are taken as bytes from /proc/self |
 * | variables that bin/bcfs sets | the environment is the one that the process started with |
 *
 * What cannot be known any more: signals that were ignored or blocked when Node started have their default.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { BcfsError, errnoName, strerror } from '../errors.js';
import { loadLibc } from '../libc.js';

interface Libc {
  execvpe(file: Buffer, argv: Buffer, env: Buffer): number;
  signal(signal: number, handler: null): unknown;
  sigprocmask(how: number, set: Buffer, old: null): number;
  fcntl(fd: number, command: number, type: 'int', argument: number): number;
}

const SIGPIPE = 13;
const SIGXFSZ = 25;
const SIG_SETMASK = 2;
/** Bytes of glibc's sigset_t. */
const SIGSET_SIZE = 128;
const RLIMIT_NOFILE = 7;
/** What /proc/PID/limits shows as `unlimited`. */
const RLIM_INFINITY = 2n ** 64n - 1n;
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;
const O_ACCMODE = 3;
/** So many descriptors, those inherited too, libuv has close on exec. What Node opens later is above them. */
const CLOSED = 16;
/** A string. */
const EMPTY = Buffer.alloc(1);
const STANDARD = [0, 1, 2];

/**
 * Executes the last so many arguments of this process in its place: the pid, the terminal and the descriptors are the
 * command's from then on. As execvp(3): it is looked for in PATH, and what has no format known to the kernel is read
 * by sh.
 *
 * @param words how many of the arguments the command and its own arguments are
 * @param last runs when all else is prepared
 * @throws BcfsError the errno of execve(2); the process is as good as before, but for its signals and limits
 */
export function execWords(words: number, last: () => void): never {
  const { koffi, library } = loadLibc();
  const libc: Libc = {
    execvpe: library.func(
      'int execvpe(const void *file, const void *argv, const void *env)',
    ) as Libc['execvpe'],
    signal: library.func('void *signal(int signal, void *handler)') as Libc['signal'],
    sigprocmask: library.func('int sigprocmask(int how, const void *set, void *old)') as Libc['sigprocmask'],
    fcntl: library.func('int fcntl(int fd, int command, ...)') as Libc['fcntl'],
  };
  const argv = strings(readFileSync('/proc/self/cmdline')).slice(-words);
  const env = strings(readFileSync('/proc/self/environ'));
  /** An array of pointers, and a null at its end. What it points to must be kept. */
  const pointers = (values: readonly Buffer[]): Buffer => {
    const array = Buffer.alloc((values.length + 1) * 8);
    values.forEach((value, i) => array.writeBigUInt64LE(koffi.address(value), i * 8));
    return array;
  };

  for (const fd of STANDARD) keepOpen(libc, fd);
  for (const fd of inherited()) keepOpen(libc, fd);
  for (const fd of STANDARD) makeBlocking(libc, fd);
  for (const signal of [SIGPIPE, SIGXFSZ]) libc.signal(signal, null);
  libc.sigprocmask(SIG_SETMASK, Buffer.alloc(SIGSET_SIZE), null);
  const [file = EMPTY] = argv;
  const [argvPointers, envPointers] = [pointers(argv), pointers(env)];
  last();
  libc.execvpe(file, argvPointers, envPointers);
  const code = errnoName(koffi.errno());
  throw new BcfsError(code, strerror(code));
}

type SetRlimit = (resource: number, limit: Buffer) => number;

/**
 * Gives this process back the soft limit of open files that its parent has: Node has raised it. Before it is moved, for
 * there it may have a limit of its own.
 */
export function restoreOpenFiles(): void {
  const [own, parents] = [openFiles('self'), openFiles(process.ppid)];
  if (!own || !parents || own.hard !== parents.hard) return;
  const { library } = loadLibc();
  const setrlimit = library.func('int setrlimit(int resource, const void *limit)') as unknown as SetRlimit;
  const limit = Buffer.alloc(16);
  limit.writeBigUInt64LE(parents.soft, 0);
  limit.writeBigUInt64LE(parents.hard, 8);
  setrlimit(RLIMIT_NOFILE, limit);
}

/** What proc shows as bytes, each string with a zero at its end. */
function strings(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at) + 1;
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

function keepOpen(libc: Libc, fd: number): void {
  const flags = libc.fcntl(fd, F_GETFD, 'int', 0);
  if (flags > 0) libc.fcntl(fd, F_SETFD, 'int', flags & ~FD_CLOEXEC);
}

function makeBlocking(libc: Libc, fd: number): void {
  const flags = libc.fcntl(fd, F_GETFL, 'int', 0);
  if (flags > 0 && flags & O_NONBLOCK) libc.fcntl(fd, F_SETFL, 'int', flags & ~O_NONBLOCK);
}

/**
 * The descriptors beside the standard ones that the caller left open, among those that libuv has close on exec. Node's
 * own are told by what they are: event queues, pipes with both ends in this process, /dev/null opened for reading.
 */
function inherited(): number[] {
  const targets = new Map<number, string>();
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    const target = linkOf(fd);
    if (target !== undefined && fd < CLOSED && !STANDARD.includes(fd)) targets.set(fd, target);
  }
  const all = [...targets.values()];
  return [...targets]
    .filter(([fd, target]) => {
      if (target.startsWith('anon_inode:')) return false;
      if (target.startsWith('pipe:')) return all.indexOf(target) === all.lastIndexOf(target);
      return target !== '/dev/null' || flagsOf(fd) & O_ACCMODE;
    })
    .map(([fd]) => fd);
}

function linkOf(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the descriptor that listed the directory
  }
}

/** As open(2) has them. */
function flagsOf(fd: number): number {
  const [, octal = '0'] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
  return parseInt(octal, 8);
}

interface OpenFiles {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** The limits of open files; undefined for a process that is not seen from here. */
function openFiles(pid: number | 'self'): OpenFiles | undefined {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
    const [, soft = '', hard = ''] = /^Max open files +(\S+) +(\S+)/m.exec(limits) ?? [];
    const value = (text: string): bigint => (text === 'unlimited' ? RLIM_INFINITY : BigInt(text));
    return { soft: value(soft), hard: value(hard) };
  } catch {
    return undefined;
  }
}
