/**
 * Which processes are in which beancounter: told by cgroups, or, where there are none, by parents in /proc.
 */
import { readdirSync } from 'node:fs';
import type { Groups } from './groups.js';
import type { ProcessReader } from './process-reader.js';

export interface Membership {
  /** Thread group ids. */
  readonly processes: readonly number[];
  /** Threads, items. */
  readonly tasks: number;
}

export interface Members {
  /** By beancounter, those of `ids` alone. */
  read(ids: Iterable<number>): Map<number, Membership>;
  /** A process was moved. */
  move(pid: number, id: number): void;
  /** All that are in another beancounter than 0; undefined where the kernel follows them. */
  pairs(): (readonly [pid: number, id: number])[] | undefined;
}

/** Members by cgroup. A process with threads in two beancounters is where its first thread is. */
export function groupMembers(groups: Groups): Members {
  /** Those to look at each time: where a task was, or was moved to. */
  let inhabited = new Set<number>();
  let turn = 0;
  return {
    read(ids) {
      turn += 1;
      const found = new Map<number, Membership>();
      const now = new Set<number>();
      for (const id of ids) {
        // A task comes into an empty group by a move, of which this is told, or by somebody else's doing.
        if (!inhabited.has(id) && turn > 1 && (id + turn) % LOOK_EVERY !== 0) continue;
        const membership = look(groups, id);
        if (!membership) continue;
        found.set(id, membership);
        if (membership.tasks > 0) now.add(id);
      }
      inhabited = now;
      return found;
    },
    move: (_pid, id) => {
      inhabited.add(id);
    },
    pairs: () => undefined,
  };
}

/** A group that was empty is looked at in one of so many samples. */
const LOOK_EVERY = 64;

function look(groups: Groups, id: number): Membership | undefined {
  try {
    const tids = groups.threads(id);
    if (tids.length === 0) return { processes: [], tasks: 0 };
    const threads = new Set(tids);
    return { processes: groups.processes(id).filter((pid) => threads.has(pid)), tasks: threads.size };
  } catch {
    return undefined; // the group has gone
  }
}

interface Seen {
  readonly start: string;
  id: number;
}

export interface ProcfsMembersOptions {
  readonly reader: ProcessReader;
  readonly root?: string;
}

/**
 * Members by parent: a process is where its parent was when it was seen first, and stays there until it is moved.
 *
 * Lost is a process whose parent ended before either was seen: a double fork between two samples. It is taken to be
 * in its new parent's beancounter, 0 as a rule. A pid that ended and came again with another start time is a new one.
 */
export class ProcfsMembers implements Members {
  readonly #reader: ProcessReader;
  readonly #root: string;
  #seen = new Map<number, Seen>();

  constructor({ reader, root = '/proc' }: ProcfsMembersOptions) {
    this.#reader = reader;
    this.#root = root;
  }

  read(ids: Iterable<number>): Map<number, Membership> {
    this.#scan();
    const lists = new Map<number, { processes: number[]; tasks: number }>();
    for (const id of ids) lists.set(id, { processes: [], tasks: 0 });
    for (const [pid, { id }] of this.#seen) {
      const list = lists.get(id);
      if (!list) continue;
      list.processes.push(pid);
      list.tasks += this.#threads(pid);
    }
    return lists;
  }

  /** Children that are there already stay where they are: that is v6. */
  move(pid: number, id: number): void {
    this.#scan();
    const seen = this.#seen.get(pid);
    if (seen) seen.id = id;
  }

  pairs(): (readonly [pid: number, id: number])[] {
    return [...this.#seen].flatMap(([pid, { id }]) => (id === 0 ? [] : [[pid, id] as const]));
  }

  #scan(): void {
    const before = this.#seen;
    const now = new Map<number, Seen>();
    const fresh = new Map<number, { start: string; parent: number }>();
    for (const name of readdirSync(this.#root)) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      const handle = this.#reader.open(pid);
      handle?.close();
      if (!handle) continue;
      const known = before.get(pid);
      if (known?.start === handle.start) now.set(pid, known);
      else fresh.set(pid, handle);
    }
    /** A child may be listed before its parent, and its parent may have ended since it was seen. */
    const place = (pid: number): number => {
      const process = fresh.get(pid);
      const placed = now.get(pid);
      if (placed) return placed.id;
      if (!process) return before.get(pid)?.id ?? 0;
      fresh.delete(pid);
      const id = place(process.parent);
      now.set(pid, { start: process.start, id });
      return id;
    };
    for (const pid of [...fresh.keys()]) place(pid);
    this.#seen = now;
  }

  #threads(pid: number): number {
    try {
      return readdirSync(`${this.#root}/${pid}/task`).length;
    } catch {
      return 0;
    }
  }
}
