/**
 * What the tasks of each beancounter hold, read process by process, and the limits that only rlimits can hold.
 *
 * v6 does not recharge on a move. So what a process had mapped when it was moved stays with the old beancounter as
 * long as the process has as much and has not called exec; and a file stays with whom it was charged to until it is
 * closed.
 */
import { FileTable } from './file-table.js';
import { PAGE_SIZE } from './page-size.js';
import type { SamplingCalls } from './native.js';
import {
  countedOf,
  type Memory,
  type ProcessHandle,
  type ProcessReader,
  type Status,
} from './process-reader.js';
import type { Members, Membership } from './procfs-members.js';
import type { Originals } from './rlimit-originals.js';
import { nofileFor, Rlimits, type Wanted } from './rlimits.js';
import type { Bounds, Reading, Sample, SamplerRequest } from './sampling.js';

/** Each process is read in full in one of so many samples, even if nothing seems to have changed. */
export const FULL_EVERY = 32;

/** From here on a beancounter is near its limit: this part of its barrier. */
const NEAR = 0.75;

export interface SamplerOptions {
  readonly members: Members;
  readonly reader: ProcessReader;
  readonly calls: SamplingCalls;
  readonly originals: Originals;
  /** CPU time of this thread so far, milliseconds. */
  readonly cpu: () => number;
}

interface Parameters {
  readonly numfiles: Bounds;
  readonly privvmpages: Bounds;
}

interface Process {
  readonly handle: ProcessHandle;
  id: number;
  /** When it was seen in a group last; in none: it is in 0. */
  turn: number;
  memory: Memory;
  status: Status | undefined;
  /** Pages that privvmpages counts. */
  counted: number;
  /** The numbers of its descriptors when they were listed last, ascending. */
  open: readonly number[];
  /** Whether they have to be listed, however many there are. */
  isUnlisted: boolean;
  /** What stays with others, in the order in which it was charged. */
  before: { readonly id: number; pages: number }[];
  /** The one in which that was mapped; undefined if nothing tells. */
  addressSpace: string | undefined;
  isFull: boolean;
  /** Its CPU time before it was read last. */
  time: number | undefined;
  /** Whether it has run since. */
  hasRun: boolean;
  /** What it was to be limited to at the last sample. */
  wanted: Wanted | undefined;
}

const nothing: Totals = { privvmpages: 0, resident: 0 };

/** Files that are another's since a move, by descriptor and target. */
type Owners = Map<string, number>;

interface Totals {
  privvmpages: number;
  resident: number;
}

type Move = Extract<SamplerRequest, { kind: 'moved' }>;

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #files: FileTable;
  readonly #rlimits: Rlimits;
  readonly #beancounters = new Map<number, Parameters>();
  readonly #processes = new Map<number, Process>();
  /** By pid, what a move leaves behind, until the next look at the process. */
  #moves = new Map<number, Move[]>();
  /** By pid, those that are about to call exec, and when that was announced. */
  readonly #execs = new Map<number, { readonly addressSpace: string | undefined; readonly turn: number }>();
  #turn = 0;
  #held = new Map<number, { numfiles: number; privvmpages: number }>();
  #isNear = false;

  constructor(options: SamplerOptions) {
    const { calls, reader, originals } = options;
    this.#options = options;
    this.#files = new FileTable(calls, (pid, fd) => this.#processes.get(pid)?.handle.target(fd));
    this.#rlimits = new Rlimits(calls, originals, (pid, start) => {
      const handle = reader.open(pid);
      handle?.close();
      return handle?.start === start;
    });
    this.#rlimits.recover();
  }

  /** Whether a beancounter was near a limit at the last sample, and had grown: the next should come soon. */
  get isNear(): boolean {
    return this.#isNear;
  }

  /** Whether there is nothing to sample until something is asked. */
  get isIdle(): boolean {
    return this.#beancounters.size === 0 && this.#processes.size === 0;
  }

  /** @returns whether a sample is to be taken now */
  handle(request: SamplerRequest): boolean {
    switch (request.kind) {
      case 'beancounter':
        this.#beancounters.set(request.id, request);
        return true;
      case 'gone':
        this.#beancounters.delete(request.id);
        return true;
      case 'moved':
        this.#options.members.move(request.pid, request.to);
        this.#moves.set(request.pid, [...(this.#moves.get(request.pid) ?? []), request]);
        return true;
      case 'exec':
        this.#execs.set(request.pid, { addressSpace: request.addressSpace, turn: this.#turn });
        return true;
      case 'sample':
        return true;
      case 'end':
        this.#rlimits.apply([]);
        for (const { handle } of this.#processes.values()) handle.close();
        this.#processes.clear();
        return false;
    }
  }

  sample(): Sample;
  /**
   * @param isLate whether a move has been begun that was not told yet
   * @returns undefined if there was one when it was read who is where: then whose files a process has is not known
   */
  sample(isLate: () => boolean): Sample | undefined;
  sample(isLate?: () => boolean): Sample | undefined {
    const { members, cpu } = this.#options;
    const begin = cpu();
    this.#turn += 1;
    this.#files.nextTurn();
    const groups = members.read(this.#beancounters.keys());
    if (isLate?.()) return undefined;
    this.#follow(groups);
    this.#listFiles();
    const totals = this.#sum();
    this.#limit(totals);
    const readings = this.#readings(groups, totals);
    this.#look(readings);
    return { kind: 'sample', readings, members: members.pairs(), cost: cpu() - begin };
  }

  #follow(groups: ReadonlyMap<number, Membership>): void {
    const fresh = new Map<number, number>();
    for (const [id, { processes }] of groups) {
      for (const pid of processes) {
        const known = this.#processes.get(pid);
        if (known) {
          known.id = id;
          known.turn = this.#turn;
        } else fresh.set(pid, id);
      }
    }
    for (const [pid, process] of this.#processes) {
      if (process.turn !== this.#turn) process.id = 0;
      if (this.#read(process)) continue;
      this.#forget(process);
      // It ended, and its pid may be another's by now.
      if (process.id !== 0) fresh.set(pid, process.id);
    }
    for (const [pid, id] of fresh) this.#open(pid, id);
    // One that was moved out to 0 may still hold what is another's.
    for (const [pid, moves] of this.#moves) {
      if (!this.#processes.has(pid) && moves.some(({ from }) => from !== 0)) this.#open(pid, 0);
    }
    for (const [pid, moves] of this.#moves) this.#leaveBehind(pid, moves);
    for (const [pid, process] of this.#processes) {
      if (process.id !== 0 || this.#moves.has(pid)) continue;
      const holds = process.before.some(({ id }) => id !== 0) || this.#files.hasOthers(pid, 0);
      if (!holds) this.#forget(process);
    }
  }

  #open(pid: number, id: number): void {
    const handle = this.#options.reader.open(pid);
    const time = handle?.cpuTime();
    const memory = handle?.memory();
    if (!handle || !memory) return handle?.close();
    const status = handle.status();
    const counted = countedOf(handle, status, memory.data);
    const process = {
      handle,
      id,
      turn: this.#turn,
      memory,
      status,
      counted,
      open: [],
      isUnlisted: true,
      before: [],
      addressSpace: undefined,
      isFull: true,
      time,
      hasRun: true,
      wanted: undefined,
    };
    this.#processes.set(pid, process);
  }

  /** @returns whether it still lives */
  #read(process: Process): boolean {
    const { handle, time } = process;
    process.isFull = (handle.pid + this.#turn) % FULL_EVERY === 0;
    // Before anything else of it, so that what it does meanwhile is seen the next time.
    process.time = handle.cpuTime();
    process.hasRun = process.isFull || process.time === undefined || process.time !== time;
    if (!process.hasRun) return true;
    const memory = handle.memory();
    if (!memory) return false;
    if (process.isFull) process.status = handle.status();
    const hasChanged = process.isFull || memory.data !== process.memory.data;
    process.memory = memory;
    if (hasChanged) process.counted = countedOf(handle, process.status, memory.data);
    if (hasChanged && process.before.length > 0) this.#lookForExec(process);
    return true;
  }

  /** Exec gives back all that was mapped: nothing of it stays with anybody. */
  #lookForExec(process: Process): void {
    const { handle } = process;
    if (mayBeSame(handle.addressSpace(), process.addressSpace)) return;
    // What was read before may be of the program before.
    const memory = handle.memory();
    if (!memory) return;
    process.before = [];
    process.memory = memory;
    process.status = handle.status();
    process.counted = countedOf(handle, process.status, memory.data);
  }

  #forget({ handle }: Process): void {
    this.#files.forget(handle.pid);
    this.#processes.delete(handle.pid);
    handle.close();
  }

  #leaveBehind(pid: number, moves: readonly Move[]): void {
    const process = this.#processes.get(pid);
    for (const { from, before } of moves) {
      if (process?.handle.start !== before.start) continue;
      const { addressSpace, privvmpages } = before;
      if (!mayBeSame(addressSpace, process.addressSpace)) process.before = [];
      process.addressSpace = addressSpace;
      const pages = process.before.reduce((left, stay) => left - stay.pages, privvmpages);
      if (pages > 0) process.before.push({ id: from, pages });
      process.isUnlisted = true;
    }
    if (process && process.before.length > 0) this.#lookForExec(process);
  }

  /** Those that were moved come first: they tell whose a file is that a child has too. */
  #listFiles(): void {
    const moves = this.#moves;
    this.#moves = new Map();
    for (const [pid, list] of moves) {
      const process = this.#processes.get(pid);
      if (!process) continue;
      const owners: Owners = new Map();
      for (const { from, before } of list) {
        if (before.start !== process.handle.start) continue;
        // The first move tells: later ones find the same file, and do not recharge it.
        for (const [fd, target] of before.files) {
          const key = `${fd} ${target}`;
          if (!owners.has(key)) owners.set(key, from);
        }
      }
      this.#list(process, owners);
    }
    for (const process of this.#processes.values()) {
      if (!process.hasRun && !process.isUnlisted) continue;
      const count = process.handle.descriptors();
      const mayHaveChanged = process.isFull || process.isUnlisted || count !== process.open.length;
      if (count !== undefined && mayHaveChanged) this.#list(process);
    }
  }

  #list(process: Process, owners?: Owners): void {
    const files = process.handle.files();
    if (!files) return;
    const { pid } = process.handle;
    this.#files.list(pid, files, (fd, target) => owners?.get(`${fd} ${target}`) ?? process.id);
    // What was closed while it was listed holds nothing, so it must not make room either.
    process.open = this.#files.descriptors(pid);
    process.isUnlisted = false;
  }

  #sum(): Map<number, Totals> {
    const totals = new Map<number, Totals>();
    const of = (id: number): Totals | undefined => {
      if (!this.#beancounters.has(id)) return undefined;
      const total = totals.get(id) ?? { ...nothing };
      totals.set(id, total);
      return total;
    };
    for (const process of this.#processes.values()) {
      const { id, memory, counted } = process;
      let left = counted;
      for (const stay of process.before) {
        // What was given back stays no more, whatever is mapped later.
        stay.pages = Math.min(stay.pages, left);
        const total = of(stay.id);
        if (total) total.privvmpages += stay.pages;
        left -= stay.pages;
      }
      if (process.before.length > 0) process.before = process.before.filter(({ pages }) => pages > 0);
      const total = of(id);
      if (!total) continue;
      total.privvmpages += left;
      total.resident += memory.resident;
    }
    return totals;
  }

  #limit(totals: ReadonlyMap<number, Totals>): void {
    const wanted: Wanted[] = [];
    for (const process of this.#processes.values()) {
      const total = totals.get(process.id);
      const parameters = this.#beancounters.get(process.id);
      if (!total || !parameters) continue;
      const { handle, memory, status, wanted: last } = process;
      const severity = status?.isAdmin ? 'limit' : 'barrier';
      let files = parameters.numfiles[severity] - this.#files.held(process.id);
      // v6.md: mmap and brk charge with BARRIER, whoever it is.
      const pages = parameters.privvmpages.barrier - total.privvmpages;
      if (files === Infinity && pages === Infinity) continue;
      let { open } = process;
      if (this.#isAboutToExec(process)) {
        open = handle.keptOnExec(open);
        files += this.#files.closedBut(handle.pid, process.id, open);
      }
      // The stack was read earlier: a program with less may have been executed since.
      const mapped = Math.max(0, memory.data - (status?.stack ?? 0));
      const nofile = files === Infinity ? undefined : nofileFor(open, files);
      const data = pages === Infinity ? undefined : (mapped + Math.max(0, pages)) * PAGE_SIZE;
      const check = process.isFull;
      const { pid, start, parent } = handle;
      const isSame =
        last?.group === process.id && last.nofile === nofile && last.data === data && last.check === check;
      process.wanted = isSame ? last : { pid, start, parent, group: process.id, nofile, data, check };
      wanted.push(process.wanted);
    }
    for (const [pid, { turn }] of this.#execs) if (this.#turn - turn >= FULL_EVERY) this.#execs.delete(pid);
    this.#rlimits.apply(wanted);
  }

  /** Whether exec was announced, and may not have been called yet when the process was listed. */
  #isAboutToExec(process: Process): boolean {
    const { handle } = process;
    const announced = this.#execs.get(handle.pid);
    if (!announced) return false;
    if (!mayBeSame(announced.addressSpace, handle.addressSpace())) {
      this.#execs.delete(handle.pid);
      process.isUnlisted = true;
    }
    return true;
  }

  #readings(groups: ReadonlyMap<number, Membership>, totals: ReadonlyMap<number, Totals>): Reading[] {
    // Those that hold something: there may be many more that hold nothing.
    const ids = new Set([...totals.keys(), ...this.#files.owners, ...groups.keys()]);
    const readings: Reading[] = [];
    for (const id of ids) {
      const numfiles = this.#files.held(id);
      const tasks = groups.get(id)?.tasks ?? 0;
      const total = totals.get(id);
      if (!this.#beancounters.has(id) || (!total && numfiles === 0 && tasks === 0)) continue;
      readings.push({ id, ...(total ?? nothing), numfiles, tasks });
    }
    return readings;
  }

  #look(readings: readonly Reading[]): void {
    const before = this.#held;
    this.#held = new Map(readings.map(({ id, numfiles, privvmpages }) => [id, { numfiles, privvmpages }]));
    this.#isNear = readings.some((reading) => {
      const parameters = this.#beancounters.get(reading.id);
      const last = before.get(reading.id);
      return (['numfiles', 'privvmpages'] as const).some(
        (name) =>
          parameters !== undefined &&
          reading[name] > NEAR * parameters[name].barrier &&
          reading[name] > (last?.[name] ?? 0),
      );
    });
  }
}

/** Whether two address spaces are one, or nothing tells. */
function mayBeSame(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
