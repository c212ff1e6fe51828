/**
 * Tasks, and whom they charge.
 *
 * Each task has two beancounters: exec_bc, which it charges now, and task_bc, which its own existence was
 * charged to. A move changes exec_bc and recharges nothing: what was charged stays with whom it was charged to.
 * So a task that moved in counts nowhere new, and the children it forks from then on do.
 *
 * Code that runs for no task (an interrupt) has `undefined` in place of one, and charges beancounter 0.
 *
 * Source: v6.md, tasks (patches 4 and 12).
 */
import { BcfsError } from '../errors.js';
import { AddressSpace } from './address-space.js';
import type { Beancounter } from './beancounter.js';
import { Severity } from './counter.js';
import type { Registry } from './registry.js';
import { KernelObject } from './kernel-object.js';
import { OpenFile } from './open-file.js';
import { numtasks } from './resources/numtasks.js';

export class Task {
  /** The thread id: unique among the living. */
  readonly tid: number;
  /** What the task's memory is charged to; undefined for a kernel thread, which has none. */
  readonly mm: AddressSpace | undefined;
  /** What its own existence was charged to. */
  readonly taskBc: Beancounter;
  /** Whether it has CAP_SYS_ADMIN, which opens files up to the limit rather than the barrier. */
  admin = false;
  #execBc: Beancounter;

  /** Made by `Tasks` alone, which charges for it. */
  constructor(tid: number, mm: AddressSpace | undefined, bc: Beancounter) {
    this.tid = tid;
    this.mm = mm;
    this.taskBc = bc.get();
    this.#execBc = bc.get();
  }

  /** What it charges now. */
  get execBc(): Beancounter {
    return this.#execBc;
  }

  /** Charges another beancounter from now on; for `Tasks.move` and `Tasks.moveThread`. */
  setExecBc(bc: Beancounter): void {
    const old = this.#execBc;
    this.#execBc = bc.get();
    old.put();
  }

  /** Drops what it holds; for `Tasks.exit`. */
  release(): void {
    this.#execBc.put();
    this.taskBc.put();
    this.mm?.put();
  }
}

export interface ForkOptions {
  /** `process` copies the parent's memory, `vm` shares it (a thread, vfork). Default: `process`. */
  readonly memory?: 'process' | 'vm';
}

/** The living tasks of one registry. */
export class Tasks {
  readonly registry: Registry;
  readonly #tasks = new Map<number, Task>();

  constructor(registry: Registry) {
    this.registry = registry;
  }

  /** How many tasks live. */
  get size(): number {
    return this.#tasks.size;
  }

  [Symbol.iterator](): IterableIterator<Task> {
    return this.#tasks.values();
  }

  find(tid: number): Task | undefined {
    return this.#tasks.get(tid);
  }

  /**
   * Takes in a task that runs already: it was forked in beancounter 0 and is charged there, whatever the limit.
   *
   * @param mm the address space it shares with tasks taken in before, `null` for a kernel thread; default: one
   * of its own
   * @throws BcfsError EEXIST if the tid lives, EINVAL if the address space has no user left; nothing is charged then
   */
  adopt(tid: number, mm?: AddressSpace | null): Task {
    const { root } = this.registry;
    return this.#enter(tid, root, Severity.FORCE, () =>
      mm === undefined ? new AddressSpace(root) : mm?.get(),
    );
  }

  /**
   * Forks: the child is charged to the parent's exec_bc, and that is both its exec_bc and its task_bc.
   *
   * @throws BcfsError ENOMEM if numtasks, or the copy of the parent's mappings, is refused; EEXIST if the tid
   * lives; ESRCH if the parent has ended; nothing is charged then
   */
  fork(parent: Task, tid: number, options: ForkOptions = {}): Task {
    this.#mustLive(parent);
    const { execBc: bc, mm } = parent;
    const child = this.#enter(tid, bc, Severity.LIMIT, () =>
      options.memory === 'vm' ? mm?.get() : mm?.copy(bc),
    );
    child.admin = parent.admin;
    return child;
  }

  /** The beancounter that a charge on behalf of `task` goes to; beancounter 0 for an interrupt. */
  chargedBc(task: Task | undefined): Beancounter {
    return task ? task.execBc : this.registry.root;
  }

  /**
   * Opens a file for a task: charged with LIMIT if it has CAP_SYS_ADMIN, else with BARRIER.
   *
   * @throws BcfsError EMFILE if numfiles is refused
   */
  open(task: Task | undefined): OpenFile {
    return new OpenFile(this.chargedBc(task), task?.admin ? Severity.LIMIT : Severity.BARRIER);
  }

  /**
   * Allocates kernel memory for a task: `bytes` of a slab object, or of whole pages.
   *
   * @param severity BARRIER, or LIMIT where the allocation asks for it
   * @throws BcfsError ENOMEM if kmemsize is refused
   */
  allocate(task: Task | undefined, bytes: number, severity: Severity = Severity.BARRIER): KernelObject {
    return new KernelObject(this.chargedBc(task), bytes, severity);
  }

  /**
   * Ends a task: its task_bc is uncharged, and its references and its memory go.
   *
   * @throws BcfsError ESRCH if it has ended
   */
  exit(task: Task): void {
    this.#mustLive(task);
    this.#tasks.delete(task.tid);
    task.taskBc.counter(numtasks).uncharge(1);
    task.release();
  }

  /**
   * Moves every task that shares the address space of `task`, and the address space: v6's `tasks`.
   *
   * @throws BcfsError EINVAL for a kernel thread, ESRCH if the task has ended
   */
  move(task: Task, bc: Beancounter): void {
    this.#mustLive(task);
    const mm = userMemory(task);
    for (const other of this) if (other.mm === mm) other.setExecBc(bc);
    mm.setBc(bc);
  }

  /**
   * Moves one task: v6's `threads`.
   *
   * @throws BcfsError EINVAL for a kernel thread, ESRCH if the task has ended
   */
  moveThread(task: Task, bc: Beancounter): void {
    this.#mustLive(task);
    userMemory(task);
    task.setExecBc(bc);
  }

  /** Charges for a task, then gives it its memory; where that fails, nothing stays charged. */
  #enter(tid: number, bc: Beancounter, severity: Severity, memory: () => AddressSpace | undefined): Task {
    if (this.#tasks.has(tid)) throw new BcfsError('EEXIST', `task ${tid} lives`);
    const counter = bc.counter(numtasks);
    counter.charge(1, severity);
    try {
      const task = new Task(tid, memory(), bc);
      this.#tasks.set(tid, task);
      return task;
    } catch (error) {
      counter.uncharge(1);
      throw error;
    }
  }

  #mustLive(task: Task): void {
    if (this.#tasks.get(task.tid) !== task) throw new BcfsError('ESRCH', `task ${task.tid} has ended`);
  }
}

function userMemory(task: Task): AddressSpace {
  if (!task.mm) throw new BcfsError('EINVAL', `task ${task.tid} is a kernel thread`);
  return task.mm;
}
