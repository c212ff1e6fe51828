/**
 * The tasks of this machine, found in /proc when somebody names them.
 *
 * A process that is named is taken into the engine with all its threads, as tasks of beancounter 0, and stays
 * until it is seen to have ended. What it forks later is not followed.
 *
 * Looking at a process is two reads, however many threads it has: the stat of its first thread, and the list of its
 * threads. What that guarantees:
 * - A process is known by its pid and the start time of its first thread, which it keeps when that thread ends, and
 *   through exec. A pid that is used again is therefore another process, and all tasks of the old one have ended.
 * - A thread is known by its tid in its process. A thread that came by the tid of another of the same process
 *   between two looks is taken for it. It has the same memory, and was charged to beancounter 0 as that one was; it
 *   only stays where that one had been moved to, until somebody moves it.
 * - A thread that has ended is not listed any more, but for the first one, whose state is read, and one that a
 *   tracer has not waited for: that one counts until the tracer has.
 *
 * A thread is read below its process: /proc/TID/stat sums over all threads of the process, /proc/TGID/task/TID/stat
 * does not. Source of the formats: proc_pid_stat(5).
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Beancounter } from '../bc/beancounter.js';
import type { Task, Tasks } from '../bc/tasks.js';
import { BcfsError } from '../errors.js';

/** The kernel's PF_KTHREAD: a task without an address space. */
const PF_KTHREAD = 0x00200000;

/** States of a task that has ended and was not waited for: zombie, dead. It has no address space any more. */
const ENDED = /[ZXx]/;

/** How much one call of `reap` looks at: so many processes, or fewer if they have threads. A few milliseconds. */
const REAP_SLICE = 128;

/** As much as that when somebody is named: those that end are then noticed as fast as others come. */
const FIND_SLICE = 8;

/** So many more threads cost as much as one more process. */
const THREADS_PER_PROCESS = 16;

/** Where proc is read. Both throw if there is no such thing. */
export interface Procfs {
  /** @param path from the root of proc */
  readonly readFile: (path: string) => string;
  readonly readDirectory: (path: string) => readonly string[];
}

/** @param root where proc is mounted */
export function procfs(root = '/proc'): Procfs {
  return {
    readFile: (path) => readFileSync(`${root}/${path}`, 'utf8'),
    readDirectory: (path) => readdirSync(`${root}/${path}`),
  };
}

interface TaskStat {
  /** In clock ticks since boot. */
  readonly start: string;
  readonly hasMemory: boolean;
}

/** A process with at least one task in the engine. */
interface Process {
  readonly tgid: number;
  /** The start time of its first thread. */
  readonly start: string;
  /** By tid. */
  readonly tasks: Map<number, Task>;
}

/** What a process is seen to be. */
interface Look {
  /** Its first thread. */
  readonly leader: TaskStat;
  /** The threads that have memory. */
  readonly tids: ReadonlySet<number>;
}

export class ProcfsTasks {
  readonly tasks: Tasks;
  readonly #proc: Procfs;
  /** By tgid. */
  readonly #processes = new Map<number, Process>();
  /** By tid: what was taken in, and where. */
  readonly #known = new Map<number, { readonly process: Process; readonly task: Task }>();
  readonly #rounds = this.#goRound();

  /** @param tasks to which nobody else adds */
  constructor(tasks: Tasks, proc: Procfs = procfs()) {
    this.tasks = tasks;
    this.#proc = proc;
  }

  /**
   * The task of a pid or a tid, taken in with all tasks of its process; undefined if there is none.
   *
   * @throws BcfsError EINVAL for one without an address space: a kernel thread, or one that has ended
   */
  find(tid: number): Task | undefined {
    this.#reap(FIND_SLICE);
    const tgid = this.#tgidOf(tid);
    if (tgid === undefined) return undefined;
    const seen = this.#look(tgid);
    this.#endUnseen(tgid, seen);
    const named = tid === tgid ? seen?.leader : this.#read(tgid, tid);
    if (named?.hasMemory === false) throw new BcfsError('EINVAL', `task ${tid} has no address space`);
    if (!named || !seen?.tids.has(tid)) return undefined;
    const { start } = seen.leader;
    const process: Process = this.#processes.get(tgid) ?? { tgid, start, tasks: new Map<number, Task>() };
    this.#processes.set(tgid, process);
    for (const thread of seen.tids) if (!process.tasks.has(thread)) this.#adopt(process, thread);
    return process.tasks.get(tid);
  }

  /**
   * Ends, in the engine, tasks that have ended. Each call looks at some processes, and the next one at the next.
   *
   * @returns whether any is left to look at
   */
  reap(): boolean {
    this.#reap(REAP_SLICE);
    return this.#processes.size > 0;
  }

  /**
   * Ends, in the engine, the tasks of a beancounter that have ended, if no other task of it lives: it does not look
   * on when it has seen one.
   */
  reapOf(bc: Beancounter): void {
    for (const process of this.#processes.values()) {
      if (!isIn(process, bc)) continue;
      this.#endUnseen(process.tgid, this.#look(process.tgid));
      if (isIn(process, bc)) return;
    }
  }

  #reap(slice: number): void {
    let left = slice;
    for (let count = this.#processes.size; count > 0 && left > 0; count--) {
      const { tgid, tasks } = this.#rounds.next().value;
      left -= 1 + tasks.size / THREADS_PER_PROCESS;
      this.#endUnseen(tgid, this.#look(tgid));
    }
  }

  /** The processes, again and again; to be asked only while there is one. */
  *#goRound(): Generator<Process, never, undefined> {
    for (;;) for (const process of this.#processes.values()) yield process;
  }

  #adopt(process: Process, tid: number): void {
    // A tid is in one process only: the one in which it was known has ended.
    const stale = this.#known.get(tid);
    if (stale) this.#end(stale.process, stale.task);
    const [sibling] = process.tasks.values();
    const task = this.tasks.adopt(tid, sibling?.mm);
    process.tasks.set(tid, task);
    this.#known.set(tid, { process, task });
  }

  #endUnseen(tgid: number, seen: Look | undefined): void {
    const process = this.#processes.get(tgid);
    if (!process) return;
    const isSame = seen?.leader.start === process.start;
    for (const [tid, task] of process.tasks) if (!isSame || !seen.tids.has(tid)) this.#end(process, task);
  }

  #end(process: Process, task: Task): void {
    this.#known.delete(task.tid);
    process.tasks.delete(task.tid);
    if (process.tasks.size === 0) this.#processes.delete(process.tgid);
    this.tasks.exit(task);
  }

  #look(tgid: number): Look | undefined {
    const leader = this.#read(tgid, tgid);
    if (!leader) return undefined;
    const tids = new Set(this.#try(() => this.#proc.readDirectory(`${tgid}/task`))?.map(Number));
    if (!leader.hasMemory) tids.delete(tgid);
    return { leader, tids };
  }

  #tgidOf(tid: number): number | undefined {
    const tgid = this.#try(() => this.#proc.readFile(`${tid}/status`))?.match(/^Tgid:\t(\d+)$/m)?.[1];
    return tgid === undefined ? undefined : Number(tgid);
  }

  #read(tgid: number, tid: number): TaskStat | undefined {
    const stat = this.#try(() => this.#proc.readFile(`${tgid}/task/${tid}/stat`));
    // The command is in parentheses and may hold any character, parentheses too.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, , , , , , flags] = fields ?? [];
    const start = fields?.[19];
    if (state === undefined || start === undefined) return undefined;
    return { start, hasMemory: !(Number(flags) & PF_KTHREAD) && !ENDED.test(state) };
  }

  /** A task may end between any two reads. */
  #try<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch {
      return undefined;
    }
  }
}

/** Whether a process holds a beancounter: through a task, or its memory. */
function isIn({ tasks }: Process, bc: Beancounter): boolean {
  for (const { execBc, mm } of tasks.values()) if (execBc === bc || mm?.bc === bc) return true;
  return false;
}
