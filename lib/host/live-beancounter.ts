/** One beancounter of live tasks: what is known of it beside what its counters hold. */
import type { Beancounter } from '../bc/beancounter.js';
import type { Counter } from '../bc/counter.js';
import type { MovedTask, MovedTasks } from './moved-tasks.js';
import type { Reading } from './sampling.js';

/** What the kernel counted of refused charges, and what the counter had before that count began. */
interface Refused {
  base: number;
  seen: number;
}

/** Who knows of the tasks that were moved. */
export interface MovedKeeper {
  /** Whether one is there still; quickly: another may have its tid by now. */
  isThere(task: MovedTask, isQuick: boolean): boolean;
  /** Is told of those that have ended, which count no more in the beancounters that they were in and charged to. */
  onEnded(tasks: readonly MovedTask[]): void;
}

export class LiveBeancounter {
  readonly bc: Beancounter;
  /** Whether it has a directory. */
  isSeen = true;
  /** Whether the host holds a reference on it, for the sake of its tasks. */
  isKept = false;
  /** The last sample's. */
  reading: Reading | undefined;
  readonly #moved: MovedTasks;
  readonly #keeper: MovedKeeper;
  #refused: Map<Counter, Refused> | undefined;
  #foreign = 0;
  #peak = 0;

  constructor(bc: Beancounter, moved: MovedTasks, keeper: MovedKeeper) {
    this.bc = bc;
    this.#moved = moved;
    this.#keeper = keeper;
  }

  get id(): number {
    return this.bc.id;
  }

  /** @throws Error for a name that is no resource's: a mistake of the caller */
  counter(name: string): Counter {
    const counter = this.bc.counters.find(({ resource }) => resource.name === name);
    if (!counter) throw new Error(`no resource ${name}`);
    return counter;
  }

  /** By how many tasks the group has more than v6 charges: those that moved in, without those that moved out. Items. */
  get foreignTasks(): number {
    return this.#moved.inside(this.id) - this.#moved.outside(this.id);
  }

  /**
   * How many tasks the group may have with a limit of so many: room is made for those that v6 does not charge, but for
   * the ones that are about to end, lest others take it then. Items.
   */
  taskRoom(limit: number): number {
    return Math.max(0, limit + this.foreignTasks - this.#moved.endingInside(this.id));
  }

  /** What v6 charges, of a group that has so many tasks. Items. */
  taskCount(current: number): number {
    // A task may end between the two readings.
    return Math.max(0, current - this.foreignTasks);
  }

  /**
   * Forgets moved tasks that have ended.
   *
   * @param isQuick whether one may be missed whose tid another has by now
   * @returns whether there were any
   */
  settleMoved(isQuick = false): boolean {
    const ended = [...this.#moved.of(this.id)].filter((task) => !this.#keeper.isThere(task, isQuick));
    if (ended.length === 0) return false;
    for (const task of ended) this.#moved.delete(task);
    this.#keeper.onEnded(ended);
    return true;
  }

  /**
   * The most tasks that v6 would have charged since this was last asked: at least so many, and exactly where none came
   * in or went out by a move meanwhile. Items.
   *
   * @param peak the most that the group ever had; undefined where the kernel does not tell
   */
  mostTasks(peak: number | undefined): number | undefined {
    const before = this.#foreign;
    this.#foreign = this.foreignTasks;
    if (peak === undefined || peak <= this.#peak) return undefined;
    this.#peak = peak;
    return Math.max(0, peak - Math.max(before, this.#foreign));
  }

  /** Takes over how many charges the kernel refused since the group was made. */
  countRefused(counter: Counter, count: number): void {
    const refused = this.#refusedOf(counter);
    // A group that was made anew counts from 0.
    if (count < refused.seen) refused.base += refused.seen;
    refused.seen = count;
    counter.failcnt = refused.base + count;
  }

  /** What a counter had before the kernel's count began, to be found again. */
  refusedBefore(counter: Counter): number {
    return this.#refusedOf(counter).base;
  }

  restoreRefused(counter: Counter, base: number): void {
    this.#refusedOf(counter).base = base;
    counter.failcnt = base;
  }

  /** Counts charges that were refused and that the kernel does not count. Items. */
  addRefused(counter: Counter, count: number): void {
    this.#refusedOf(counter).base += count;
    counter.failcnt += count;
  }

  #refusedOf(counter: Counter): Refused {
    this.#refused ??= new Map();
    let refused = this.#refused.get(counter);
    if (!refused) {
      refused = { base: counter.failcnt, seen: 0 };
      this.#refused.set(counter, refused);
    }
    return refused;
  }
}
