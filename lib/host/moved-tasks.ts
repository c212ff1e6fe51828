/**
 * The tasks whose existence is charged to another beancounter than the one they are in: those that were moved.
 *
 * v6 recharges nothing on a move, the kernel's pids controller does. So numtasks of a beancounter is what the
 * controller counts in its group, without the tasks that only moved in, and with those that moved out. Source: v6.md,
 * tasks; host.md, "Traps".
 */

export interface MovedTask {
  readonly tid: number;
  readonly tgid: number;
  /** In clock ticks since boot. */
  readonly start: string;
  /** The id of the beancounter that its existence is charged to. */
  readonly charged: number;
  /** The id of the beancounter that it is in. */
  readonly inside: number;
  /** Whether its process is about to execute a program, which ends all its threads but one. Default: it is not. */
  readonly isEnding?: true;
}

export class MovedTasks {
  /** By tid. */
  readonly #tasks = new Map<number, MovedTask>();
  readonly #byInside = new Map<number, Set<MovedTask>>();
  readonly #byCharged = new Map<number, Set<MovedTask>>();
  readonly #endingInside = new Map<number, Set<MovedTask>>();

  get size(): number {
    return this.#tasks.size;
  }

  [Symbol.iterator](): IterableIterator<MovedTask> {
    return this.#tasks.values();
  }

  /** How many tasks are in a beancounter and charged to another. Items. */
  inside(id: number): number {
    return this.#byInside.get(id)?.size ?? 0;
  }

  /** How many tasks are charged to a beancounter and in another. Items. */
  outside(id: number): number {
    return this.#byCharged.get(id)?.size ?? 0;
  }

  /** How many of those that `inside` counts are about to end. Items. */
  endingInside(id: number): number {
    return this.#endingInside.get(id)?.size ?? 0;
  }

  find(tid: number): MovedTask | undefined {
    return this.#tasks.get(tid);
  }

  /**
   * Notes that a task is in another beancounter now.
   *
   * @param from where it was: whom it is charged to, unless it was moved before
   * @returns what is known of it from now on; undefined if it is back where it is charged
   */
  move(task: { tid: number; tgid: number; start: string }, from: number, to: number): MovedTask | undefined {
    const before = this.#tasks.get(task.tid);
    const isSame = before?.start === task.start && before.tgid === task.tgid;
    if (before) this.delete(before);
    const charged = isSame ? before.charged : from;
    if (charged === to) return undefined;
    const moved: MovedTask = { tid: task.tid, tgid: task.tgid, start: task.start, charged, inside: to };
    this.add(moved);
    return moved;
  }

  add(task: MovedTask): void {
    this.#tasks.set(task.tid, task);
    enter(this.#byInside, task.inside, task);
    enter(this.#byCharged, task.charged, task);
    if (task.isEnding) enter(this.#endingInside, task.inside, task);
  }

  /** Notes that a task is about to end: see `MovedTask.isEnding`. */
  noteEnding(task: MovedTask): void {
    this.delete(task);
    this.add({ ...task, isEnding: true });
  }

  delete(task: MovedTask): void {
    this.#tasks.delete(task.tid);
    leave(this.#byInside, task.inside, task);
    leave(this.#byCharged, task.charged, task);
    leave(this.#endingInside, task.inside, task);
  }

  /** Those that count for a beancounter's numtasks in one way or the other. */
  *of(id: number): IterableIterator<MovedTask> {
    yield* this.#byInside.get(id) ?? [];
    yield* this.#byCharged.get(id) ?? [];
  }
}

function enter(index: Map<number, Set<MovedTask>>, id: number, task: MovedTask): void {
  const tasks = index.get(id);
  if (tasks) tasks.add(task);
  else index.set(id, new Set([task]));
}

function leave(index: Map<number, Set<MovedTask>>, id: number, task: MovedTask): void {
  const tasks = index.get(id);
  tasks?.delete(task);
  if (tasks?.size === 0) index.delete(id);
}
