/**
 * Which beancounter each task of the machine is in: as the kernel's groups have it, or, where there are none, as the
 * sampler follows it.
 */
import type { Machine } from './groups.js';
import type { ProcessEntry } from './report.js';
import { beancounterOf, commandOf, threadsOf } from './task-info.js';
import { tryTo } from '../try-to.js';

export class Places {
  readonly #machine: Machine;
  readonly #proc: string;
  readonly #directory: string;
  /** By pid, where the kernel does not tell. */
  #members = new Map<number, number>();

  /** @param directory the name of the one that the groups are in */
  constructor(machine: Machine, proc: string, directory: string) {
    this.#machine = machine;
    this.#proc = proc;
    this.#directory = directory;
  }

  /** The id of the beancounter that a thread of a process is in. */
  of(tid: number, tgid = tid): number {
    if (!this.#machine.members) return this.#members.get(tgid) ?? 0;
    return beancounterOf(this.#proc, tid, this.#directory);
  }

  processesIn(id: number): readonly number[] {
    const { members } = this.#machine;
    return (
      members?.processes(id) ?? [...this.#members].filter(([, inside]) => inside === id).map(([pid]) => pid)
    );
  }

  /** The processes of some beancounters. One whose threads are in several is in each of them. */
  entries(ids: Iterable<number>): ProcessEntry[] {
    const { members } = this.#machine;
    const entries: ProcessEntry[] = [];
    const add = (pid: number, beancounter: number, threads: number) => {
      if (threads > 0) entries.push({ pid, beancounter, threads, command: commandOf(this.#proc, pid) });
    };
    if (!members) {
      for (const [pid, id] of this.#members) add(pid, id, threadsOf(this.#proc, pid).length);
      return entries;
    }
    for (const id of ids) {
      const inside = new Set(members.threads(id));
      for (const pid of members.processes(id)) {
        add(pid, id, threadsOf(this.#proc, pid).filter((tid) => inside.has(tid)).length);
      }
    }
    return entries;
  }

  /** A process was moved. */
  note(pid: number, id: number): void {
    if (!this.#machine.members) this.#members.set(pid, id);
  }

  /** What a sample has found. */
  take(members: Iterable<readonly [pid: number, id: number]>): void {
    this.#members = new Map(members);
  }

  /** All are in 0. */
  clear(): void {
    this.#members.clear();
  }

  /** A process that forked between the two writes of a move is in two beancounters: where the members are told counts. */
  reconcile(id: number): void {
    const { hierarchies, members } = this.#machine;
    if (!members || hierarchies.length < 2) return;
    const processes = members.processes(id);
    for (const groups of hierarchies) {
      if (groups === members) continue;
      const there = new Set(groups.processes(id));
      for (const pid of processes) if (!there.has(pid)) tryTo(() => groups.moveProcess(pid, id));
    }
  }
}
