/**
 * The tasks of this machine, found in /proc when somebody names them.
 *
 * A process that is named is taken into the engine with all its threads, as a task of beancounter 0, and stays
 * until it is seen to have ended. What it forks later is not followed. A pid is known by its start time too, for
 * pids are used again. Source of the formats: proc_pid_stat(5).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tasks, type Task } from '../bc/tasks.js';
import { BcfsError } from '../errors.js';

/** The kernel's PF_KTHREAD: a task without an address space. */
const PF_KTHREAD = 0x00200000;

/** States of a task that has ended and was not waited for: zombie, dead. It has no address space any more. */
const ENDED = /[ZXx]/;

interface TaskStat {
  readonly tgid: number;
  /** In clock ticks since boot. */
  readonly start: string;
  readonly hasMemory: boolean;
}

export class ProcfsTasks {
  readonly tasks: Tasks;
  readonly #root: string;
  /** The start time of each task that was taken in. */
  readonly #starts = new Map<Task, string>();

  /** @param root where proc is mounted */
  constructor(tasks: Tasks, root = '/proc') {
    this.tasks = tasks;
    this.#root = root;
  }

  /**
   * The task of a pid or a tid, taken in with all tasks of its process; undefined if there is none.
   *
   * @throws BcfsError EINVAL for one without an address space: a kernel thread, or one that has ended
   */
  find(tid: number): Task | undefined {
    this.reap();
    const named = this.#read(tid);
    if (!named) return undefined;
    if (!named.hasMemory) throw new BcfsError('EINVAL', `task ${tid} has no address space`);
    const threads = this.#threads(named.tgid);
    let mm = threads.map((thread) => this.tasks.find(thread)?.mm).find(Boolean);
    for (const sibling of threads) {
      const stat = this.#read(sibling);
      if (!stat?.hasMemory || this.tasks.find(sibling)) continue;
      const task = this.tasks.adopt(sibling, mm);
      mm ??= task.mm;
      this.#starts.set(task, stat.start);
    }
    return this.tasks.find(tid);
  }

  /** Ends, in the engine, the tasks that have ended. */
  reap(): void {
    for (const [task, start] of this.#starts) {
      const stat = this.#read(task.tid);
      if (stat?.start === start && stat.hasMemory) continue;
      this.#starts.delete(task);
      this.tasks.exit(task);
    }
  }

  #threads(tgid: number): number[] {
    return this.#try(() => readdirSync(join(this.#root, `${tgid}/task`)).map(Number)) ?? [];
  }

  #read(tid: number): TaskStat | undefined {
    const stat = this.#try(() => readFileSync(join(this.#root, `${tid}/stat`), 'utf8'));
    const status = this.#try(() => readFileSync(join(this.#root, `${tid}/status`), 'utf8'));
    const tgid = status?.match(/^Tgid:\t(\d+)$/m)?.[1];
    // The command is in parentheses and may hold any character, parentheses too.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, , , , , , flags] = fields ?? [];
    const start = fields?.[19];
    if (tgid === undefined || state === undefined || start === undefined) return undefined;
    const hasMemory = !(Number(flags) & PF_KTHREAD) && !ENDED.test(state);
    return { tgid: Number(tgid), start, hasMemory };
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
