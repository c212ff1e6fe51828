/**
 * Moving tasks into a beancounter: in every hierarchy of the kernel or in none, and so that whoever samples knows what
 * stays behind. v6 recharges nothing on a move.
 *
 * Source: v6.md, tasks; the kernel's cgroup-v1/cgroups.rst and cgroup-v2.rst, "Processes".
 */
import { BcfsError, type Caller } from '../errors.js';
import type { Groups, Machine } from './groups.js';
import type { Places } from './places.js';
import type { Belongings, SamplerLink, SamplerRequest } from './sampling.js';
import { readTask, startOf, threadsOf, type TaskInfo } from './task-info.js';
import { tryTo } from '../try-to.js';

export interface MoverOptions {
  readonly machine: Machine;
  readonly places: Places;
  readonly sampler: SamplerLink;
  /** Reads what a process has, before it is moved. */
  readonly readBelongings: (pid: number) => Belongings | undefined;
  /** The processes that share an address space with one, itself among them. */
  readonly sharersOf: (pid: number) => readonly number[];
  /** Processes that must not be moved: the daemon's own. */
  readonly ownPids: readonly number[];
  /** Where proc is mounted. */
  readonly proc: string;
  /** Is told of each thread that is in another beancounter now. */
  readonly note: (task: { tid: number; tgid: number; start: string }, from: number, to: number) => void;
  /** Is told of two beancounters between which something was moved. */
  readonly onMoved: (from: number, to: number) => void;
  /** Is told of a process that is about to execute a program, just before the write that said so is answered. */
  readonly beforeExec: (tgid: number, id: number) => void;
}

export class Mover {
  readonly #options: MoverOptions;

  constructor(options: MoverOptions) {
    this.#options = options;
  }

  /**
   * Moves a process with all its threads, and with those that share its memory.
   *
   * @param pid of one of its threads; 0: the caller
   * @param caller who asks; undefined: nobody knows, and it was trusted
   * @throws BcfsError ESRCH, EINVAL, EBUSY, EPERM
   */
  move(pid: number, to: number, caller: Caller | undefined): void {
    const named = this.#mustBeMovable(pid, caller);
    for (const tgid of this.#options.sharersOf(named.tgid)) {
      const leader = tgid === named.tgid ? named : readTask(this.#options.proc, tgid);
      if (leader) this.#moveProcess(leader, to);
    }
  }

  #moveProcess({ tgid }: TaskInfo, to: number): void {
    const from = this.#options.places.of(tgid);
    const before = this.#options.readBelongings(tgid);
    if (!before) throw new BcfsError('ESRCH', `process ${tgid} has ended`);
    const places = new Map(
      threadsOf(this.#options.proc, tgid).map((tid) => [tid, this.#options.places.of(tid, tgid)]),
    );
    this.#tellingOf(tgid, from, to, before, () => {
      this.#moveEverywhere(from, to, (groups, id) => groups.moveProcess(tgid, id));
    });
    for (const tid of threadsOf(this.#options.proc, tgid))
      this.#noteMove(tgid, tid, places.get(tid) ?? from, to);
    this.#afterMove(tgid, from, to);
  }

  /** Moves a process's first thread, and tells the sampler, which must not see it moved before it is told. */
  #tellingOf(pid: number, from: number, to: number, before: Belongings, move: () => void): void {
    const { sampler } = this.#options;
    let told: SamplerRequest = { kind: 'sample' };
    sampler.announce();
    try {
      move();
      // Whoever is written to where it is already is about to call exec: `bcfs run` does so.
      const { addressSpace } = before;
      told = from === to ? { kind: 'exec', pid, addressSpace } : { kind: 'moved', pid, from, to, before };
    } finally {
      sampler.post(told);
    }
  }

  moveThread(tid: number, to: number, caller: Caller | undefined): void {
    const named = this.#mustBeMovable(tid, caller);
    const from = this.#options.places.of(named.tid, named.tgid);
    const before = this.#options.readBelongings(named.tgid);
    if (!before) throw new BcfsError('ESRCH', `process ${named.tgid} has ended`);
    // A kernel that moves whole processes only moves one that has but this thread.
    const isWhole = threadsOf(this.#options.proc, named.tgid).length === 1;
    const move = () =>
      this.#moveEverywhere(from, to, (groups, id) => {
        if (isWhole) groups.moveProcess(named.tgid, id);
        else groups.moveThread(named.tid, id);
      });
    // A process's files and mappings are where its first thread is.
    const isFirst = named.tid === named.tgid;
    if (isFirst) this.#tellingOf(named.tgid, from, to, before, move);
    else move();
    this.#noteMove(named.tgid, named.tid, from, to);
    if (isFirst) this.#afterMove(named.tgid, from, to);
    else this.#options.onMoved(from, to);
  }

  /**
   * The task that somebody asks to move.
   *
   * @throws BcfsError ESRCH, EINVAL, EBUSY, EPERM
   */
  #mustBeMovable(pid: number, caller: Caller | undefined): TaskInfo {
    const named = pid === 0 ? (caller?.pid ?? 0) : pid;
    const task = named === 0 ? undefined : readTask(this.#options.proc, named);
    if (!task) throw new BcfsError('ESRCH', `no task ${named}`);
    if (!task.hasMemory) throw new BcfsError('EINVAL', `task ${named} has no address space`);
    if (this.#options.ownPids.includes(task.tgid)) {
      throw new BcfsError('EBUSY', `${named} is bcfs itself, which must not wait for its own limits`);
    }
    if (caller && caller.uid !== 0 && caller.uid !== task.uid) {
      throw new BcfsError('EPERM', `task ${named} is another user's`);
    }
    return task;
  }

  /** Moves in each hierarchy, or in none. */
  #moveEverywhere(from: number, to: number, move: (groups: Groups, id: number) => void): void {
    const done: Groups[] = [];
    try {
      for (const groups of this.#options.machine.hierarchies) {
        move(groups, to);
        done.push(groups);
      }
    } catch (error) {
      for (const groups of done.reverse()) tryTo(() => move(groups, from));
      throw error;
    }
  }

  #noteMove(tgid: number, tid: number, from: number, to: number): void {
    const start = startOf(this.#options.proc, tgid, tid);
    if (start === undefined || from === to) return;
    this.#options.note({ tid, tgid, start }, from, to);
  }

  #afterMove(pid: number, from: number, to: number): void {
    this.#options.places.note(pid, to);
    this.#options.onMoved(from, to);
    // What it does next is limited.
    if (to !== 0) this.#options.sampler.settle();
    if (from === to) this.#options.beforeExec(pid, to);
  }

  /** Moves all processes of a beancounter to 0. @returns whether there were any */
  moveAll(id: number): boolean {
    let any = false;
    for (const groups of this.#options.machine.hierarchies) {
      for (const pid of groups.processes(id)) {
        any = true;
        tryTo(() => groups.moveProcess(pid, 0));
      }
    }
    return any;
  }
}
