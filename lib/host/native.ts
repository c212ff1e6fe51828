/** The calls to libc that sampling needs and Node does not have, or has slower. Linux on x86-64 and arm64. */
import { errno } from '../errors.js';
import { loadLibc } from '../libc.js';

/** prlimit(2)'s resources, the same on both machines. */
export const RLIMIT_DATA = 2;
export const RLIMIT_NOFILE = 7;

const KCMP_FILE = 0;
const KCMP_VM = 1;
const SYS_KCMP = process.arch === 'arm64' ? 272 : 312;
const SYS_TGKILL = process.arch === 'arm64' ? 131 : 234;
const SYS_FSTAT = process.arch === 'arm64' ? 80 : 5;
/** struct stat, and where its size is, the same on both machines: bytes. */
const STAT_SIZE = 144;
const ST_SIZE = 48;
/** The clock of what a process and all its threads have run. Source: clock_gettime(2); Linux, posix-timers_types.h. */
const processClock = (pid: number): number => (~pid << 3) | 2;
/** struct timespec: seconds and nanoseconds, 64 bits each. */
const TIMESPEC_SIZE = 16;

/** What `readStart` reads at the most, bytes. */
const START_SIZE = 128;

/** How two files stand in the kernel's own order, which holds as long as both are open; undefined: it cannot tell. */
export type FileOrder = 'equal' | 'less' | 'greater' | undefined;

/** Soft and hard limit in the resource's own unit; Infinity for RLIM_INFINITY. */
export interface Rlimit {
  readonly soft: number;
  readonly hard: number;
}

export interface SamplingCalls {
  /** kcmp(2) of two open files. Undefined where one is not open, its process has gone, or it is not permitted. */
  compareFiles(pid: number, fd: number, otherPid: number, otherFd: number): FileOrder;
  /** Whether two processes share their address space: kcmp(2). */
  sharesMemory(pid: number, otherPid: number): boolean;
  /** prlimit(2); undefined where there is no such process, or it is not permitted. */
  rlimit(pid: number, resource: number): Rlimit | undefined;
  /** Sets the soft limit and keeps the hard one. @returns whether it was done */
  setSoft(pid: number, resource: number, soft: number): boolean;
  /** What the last `readStart` has read. */
  readonly start: Uint8Array;
  /** Reads the first 128 bytes of an open file at the most. @returns how many; negative: it failed */
  readStart(fd: number): number;
  /** The size of an open file or directory, bytes; undefined: it failed. */
  sizeOf(fd: number): number | undefined;
  /** CPU time of all threads of a process so far, nanoseconds; undefined: there is none. Up to a tick late. */
  cpuTime(pid: number): number | undefined;
  /** Whether a process has a thread of a tid, waited for or not: tgkill(2) with no signal. */
  exists(tgid: number, tid: number): boolean;
}

let loaded: SamplingCalls | undefined;

/** Loads koffi with the first call. */
export function samplingCalls(): SamplingCalls {
  return (loaded ??= load());
}

function load(): SamplingCalls {
  const { koffi, library } = loadLibc();
  const syscall = library.func('long syscall(long n, long a, long b, long c, long d, long e)') as (
    ...words: number[]
  ) => number;
  const prlimit = library.func('int prlimit(int pid, int resource, const void *to, void *from)') as (
    pid: number,
    resource: number,
    to: Uint8Array | null,
    from: Uint8Array | null,
  ) => number;
  // Addresses as numbers: a third of what a buffer costs each time.
  const pread = library.func('long pread(int fd, uintptr_t buffer, size_t size, long offset)') as (
    ...words: number[]
  ) => number;
  const start = Buffer.alloc(START_SIZE);
  const startAddress = Number(koffi.address(start));
  const clockGettime = library.func('int clock_gettime(int clock, uintptr_t time)') as (
    ...words: number[]
  ) => number;
  const time = Buffer.alloc(TIMESPEC_SIZE);
  const timeAddress = Number(koffi.address(time));
  const stat = Buffer.alloc(STAT_SIZE);
  const statAddress = Number(koffi.address(stat));
  /** struct rlimit: soft and hard, 64 bits each. */
  const buffer = Buffer.alloc(16);
  const orders: readonly FileOrder[] = ['equal', 'less', 'greater'];
  return {
    compareFiles: (pid, fd, otherPid, otherFd) =>
      orders[syscall(SYS_KCMP, pid, otherPid, KCMP_FILE, fd, otherFd)],
    sharesMemory: (pid, otherPid) => syscall(SYS_KCMP, pid, otherPid, KCMP_VM, 0, 0) === 0,
    rlimit(pid, resource) {
      if (prlimit(pid, resource, null, buffer) !== 0) return undefined;
      return { soft: readLimit(buffer, 0), hard: readLimit(buffer, 8) };
    },
    setSoft(pid, resource, soft) {
      if (prlimit(pid, resource, null, buffer) !== 0) return false;
      writeLimit(buffer, soft);
      return prlimit(pid, resource, buffer, null) === 0;
    },
    start,
    readStart: (fd) => pread(fd, startAddress, START_SIZE, 0),
    sizeOf: (fd) =>
      syscall(SYS_FSTAT, fd, statAddress, 0, 0, 0) === 0 ? Number(stat.readBigInt64LE(ST_SIZE)) : undefined,
    exists: (tgid, tid) => syscall(SYS_TGKILL, tgid, tid, 0, 0, 0) === 0 || koffi.errno() !== errno.ESRCH,
    cpuTime(pid) {
      if (clockGettime(processClock(pid), timeAddress) !== 0) return undefined;
      return time.readUInt32LE(0) * 1e9 + time.readUInt32LE(8);
    },
  };
}

function readLimit(buffer: Buffer, offset: number): number {
  const value = buffer.readBigUInt64LE(offset);
  return value === 2n ** 64n - 1n ? Infinity : Number(value);
}

function writeLimit(buffer: Buffer, value: number): void {
  buffer.writeBigUInt64LE(value === Infinity ? 2n ** 64n - 1n : BigInt(value), 0);
}
