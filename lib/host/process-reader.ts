/**
 * Processes as /proc shows them, read cheaply: a descriptor of `statm` is held, which answers ESRCH when its process
 * has gone, so that a pid that is used again is never taken for the process before.
 *
 * No link in /proc/PID/fd is followed: one may lead into our own mount. readlink and the directory's size are safe.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';
import { samplingCalls, type SamplingCalls } from './native.js';
import type { Belongings } from './sampling.js';

/** Pages. */
export interface Memory {
  /** Data and stack: field 6 of statm. */
  readonly data: number;
  readonly resident: number;
}

/** What costs too much to be read each time. */
export interface Status {
  /** Whether any page is locked. */
  readonly isLocked: boolean;
  /** Pages of stack: what statm's data counts and RLIMIT_DATA does not. */
  readonly stack: number;
  readonly isAdmin: boolean;
}

/** One process. What cannot be read because it has ended is undefined. */
export interface ProcessHandle {
  readonly pid: number;
  /** The start time of its first thread, clock ticks since boot. */
  readonly start: string;
  readonly parent: number;
  /**
   * CPU time of all its threads so far, nanoseconds: one that has not run has opened and mapped nothing. Undefined where
   * nobody tells.
   */
  cpuTime(): number | undefined;
  /**
   * Tells its address space from the one that exec makes: where code and stack begin. Undefined where that is not shown,
   * to a process that may not ptrace it. Source: proc_pid_stat(5).
   */
  addressSpace(): string | undefined;
  /** Undefined too for what has no address space: a zombie, a kernel thread. */
  memory(): Memory | undefined;
  /** How many descriptors are open. */
  descriptors(): number | undefined;
  status(): Status | undefined;
  /** Of some descriptors, those that exec leaves open. Source: proc_pid_fdinfo(5). */
  keptOnExec(fds: readonly number[]): number[];
  /** Open descriptors, and where each leads; one that was closed while they were listed is left out. */
  files(): Map<number, string> | undefined;
  target(fd: number): string | undefined;
  /** Pages of the mappings that privvmpages counts, by the VmFlags of smaps: slow. */
  countedPages(): number | undefined;
  close(): void;
}

export interface ProcessReader {
  /** Undefined if there is no such process. */
  open(pid: number): ProcessHandle | undefined;
}

/** A flag of open(2). */
const O_CLOEXEC = 0o2000000;

export interface ProcReaderOptions {
  /** Where proc is mounted. Default: /proc. */
  readonly root?: string;
  /** How many descriptors may be held; above it each read opens and closes. Default: 4096. */
  readonly held?: number;
}

const PAGE_KB = 4;
const CAP_SYS_ADMIN = 1n << 21n;
const SPACE = 32;
const ZERO = 48;
const NINE = 57;

export class ProcReader implements ProcessReader {
  readonly #root: string;
  readonly #calls: SamplingCalls = samplingCalls();
  readonly #buffer = Buffer.allocUnsafe(4096);
  /** Whether the size of a fd directory is how many there are: since Linux 6.2. */
  readonly #hasSize: boolean;
  #free: number;

  constructor({ root = '/proc', held = 4096 }: ProcReaderOptions = {}) {
    this.#root = root;
    this.#free = held;
    this.#hasSize = root === '/proc' && statSync('/proc/self/fd').size > 0;
  }

  open(pid: number): ProcessHandle | undefined {
    const dir = `${this.#root}/${pid}`;
    const statm = `${dir}/statm`;
    const held = this.#free > 0 ? attempt(() => openSync(statm, 'r')) : undefined;
    const stat = () => parseStat(this.#text(`${dir}/stat`));
    const first = stat();
    if (first === undefined) {
      if (held !== undefined) closeSync(held);
      return undefined;
    }
    const directory =
      held !== undefined && this.#hasSize ? attempt(() => openSync(`${dir}/fd`, 'r')) : undefined;
    const count = (held === undefined ? 0 : 1) + (directory === undefined ? 0 : 1);
    this.#free -= count;
    const target = (fd: number) => attempt(() => readlinkSync(`${dir}/fd/${fd}`));
    const list = () => attempt(() => readdirSync(`${dir}/fd`));
    return {
      pid,
      ...first.process,
      addressSpace() {
        const now = stat();
        return now?.process.start === first.process.start ? now.addressSpace : undefined;
      },
      cpuTime: () => (this.#root === '/proc' ? this.#calls.cpuTime(pid) : undefined),
      memory: () => this.#memory(held, statm),
      descriptors: () => {
        if (directory !== undefined) return this.#calls.sizeOf(directory);
        return this.#hasSize ? statSync(`${dir}/fd`, { throwIfNoEntry: false })?.size : list()?.length;
      },
      status: () => parseStatus(this.#text(`${dir}/status`)),
      keptOnExec: (fds) =>
        fds.filter((fd) => {
          const flags = /^flags:\s*([0-7]+)$/m.exec(this.#text(`${dir}/fdinfo/${fd}`) ?? '')?.[1];
          return flags !== undefined && (parseInt(flags, 8) & O_CLOEXEC) === 0;
        }),
      files() {
        const found = new Map<number, string>();
        const names = list();
        for (const name of names ?? []) {
          const leads = target(Number(name));
          if (leads !== undefined) found.set(Number(name), leads);
        }
        return names && found;
      },
      target,
      countedPages: () => countPages(this.#text(`${dir}/smaps`, false)),
      close: () => {
        if (held !== undefined) closeSync(held);
        if (directory !== undefined) closeSync(directory);
        this.#free += count;
      },
    };
  }

  #memory(held: number | undefined, path: string): Memory | undefined {
    const fd = held ?? attempt(() => openSync(path, 'r'));
    if (fd === undefined) return undefined;
    const { start: buffer } = this.#calls;
    const size = this.#calls.readStart(fd);
    if (held === undefined) closeSync(fd);
    let field = 0;
    let value = 0;
    let resident = 0;
    for (let i = 0; i < size; i++) {
      const byte = buffer[i] ?? SPACE;
      if (byte >= ZERO && byte <= NINE) value = value * 10 + byte - ZERO;
      else {
        if (field === 0 && value === 0) return undefined;
        if (field === 1) resident = value;
        if (field === 5) return { data: value, resident };
        field += 1;
        value = 0;
      }
    }
    return undefined;
  }

  /** A whole file of proc, which is read in pieces and has no size. */
  #text(path: string, isRecord = true): string | undefined {
    return attempt(() => {
      const fd = openSync(path, 'r');
      try {
        let text = '';
        for (;;) {
          const size = readSync(fd, this.#buffer, 0, this.#buffer.length, null);
          text += this.#buffer.toString('latin1', 0, size);
          // Source: Linux, fs/seq_file.c: only a file of many records is given out in parts that do not fill the buffer.
          if (size === 0 || (isRecord && size < this.#buffer.length)) return text;
        }
      } finally {
        closeSync(fd);
      }
    });
  }
}

/** What a process has, for the thread that is about to move it. Undefined if there is no such process. */
export function readBelongings(pid: number, root = '/proc'): Belongings | undefined {
  const handle = new ProcReader({ root, held: 0 }).open(pid);
  // Before the memory: what was mapped by the program before is not to be taken for this one's.
  const addressSpace = handle?.addressSpace();
  const memory = handle?.memory();
  const files = handle?.files();
  if (!handle || !memory || !files) return undefined;
  return {
    start: handle.start,
    files: [...files],
    addressSpace,
    privvmpages: countedOf(handle, handle.status(), memory.data),
  };
}

/** Pages that privvmpages counts. @param data field 6 of statm, which is that as long as nothing is locked */
export function countedOf(handle: ProcessHandle, status: Status | undefined, data: number): number {
  return (status?.isLocked && handle.countedPages()) || data;
}

function parseStat(text: string | undefined) {
  if (text === undefined) return undefined;
  // The command is in parentheses and may hold any character, parentheses too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [code, end, stack = '0'] = fields.slice(23, 26);
  return {
    process: { start: fields[19] ?? '', parent: Number(fields[1]) },
    addressSpace: stack === '0' ? undefined : `${code} ${end} ${stack}`,
  };
}

function parseStatus(text: string | undefined): Status | undefined {
  if (text === undefined) return undefined;
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  const capabilities = BigInt(`0x${/^CapEff:\s+([0-9a-f]+)$/m.exec(text)?.[1] ?? '0'}`);
  return {
    isLocked: kilobytes('VmLck') > 0,
    stack: Math.ceil(kilobytes('VmStk') / PAGE_KB),
    isAdmin: (capabilities & CAP_SYS_ADMIN) !== 0n,
  };
}

/** v6.md, privvmpages: locked, or writable and (anonymous or not shared). Shared anonymous memory is not told apart. */
function countPages(smaps: string | undefined): number | undefined {
  if (smaps === undefined) return undefined;
  let total = 0;
  let size = 0;
  for (const [, kilobytes, flags] of smaps.matchAll(/^(?:Size:\s+(\d+) kB|VmFlags: (.*))$/gm)) {
    if (kilobytes !== undefined) size = Number(kilobytes) / PAGE_KB;
    if (flags === undefined) continue;
    const has = new Set(flags.trim().split(' '));
    if (has.has('lo') || (has.has('wr') && !has.has('sh'))) total += size;
  }
  return total;
}

/** A process may end between any two reads. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
