/**
 * Limits that only the limits of single tasks can hold: numfiles by RLIMIT_NOFILE, privvmpages by RLIMIT_DATA.
 *
 * Only the soft limit is lowered, and never above the task's own. The hard one is kept, for a task without
 * CAP_SYS_RESOURCE could not put back a hard limit itself if bcfs were gone. So a task can raise its soft limit again;
 * `check` takes that for its new own one and lowers it again.
 *
 * A task's own limits are written to a file before they are changed for the first time. A child inherits the lowered
 * limit: its own is taken to be its parent's, or else that of the beancounter's process that was met last.
 */
import { RLIMIT_DATA, RLIMIT_NOFILE, type SamplingCalls } from './native.js';
import type { Original, Originals } from './rlimit-originals.js';

/** What a process is to be limited to; undefined: not limited by us. */
export interface Wanted {
  readonly pid: number;
  readonly start: string;
  readonly parent: number;
  readonly group: number;
  /** Items: RLIMIT_NOFILE. */
  readonly nofile: number | undefined;
  /** Bytes: RLIMIT_DATA. */
  readonly data: number | undefined;
  /** Whether to look if the task has changed its limits itself. */
  readonly check: boolean;
}

interface Held {
  readonly original: number;
  /** What was set last; undefined: nothing yet. */
  set: number | undefined;
}

interface Entry {
  readonly pid: number;
  readonly start: string;
  readonly group: number;
  readonly nofile: Held | undefined;
  readonly data: Held | undefined;
}

type Kind = 'nofile' | 'data';
const RESOURCES = { nofile: RLIMIT_NOFILE, data: RLIMIT_DATA } as const;

export class Rlimits {
  readonly #calls: SamplingCalls;
  readonly #file: Originals;
  /** Whether a process is still the one with this start time. */
  readonly #lives: (pid: number, start: string) => boolean;
  #entries = new Map<number, Entry>();

  constructor(calls: SamplingCalls, file: Originals, lives: (pid: number, start: string) => boolean) {
    this.#calls = calls;
    this.#file = file;
    this.#lives = lives;
  }

  /** Puts back what an earlier bcfs that was killed has left. */
  recover(): void {
    for (const { pid, start, nofile, data } of this.#file.read()) {
      if (!this.#lives(pid, start)) continue;
      if (nofile !== undefined) this.#calls.setSoft(pid, RLIMIT_NOFILE, nofile);
      if (data !== undefined) this.#calls.setSoft(pid, RLIMIT_DATA, data);
    }
    this.#file.keep([]);
  }

  /** What was set for a process; undefined: its own limit holds. */
  bound(pid: number, kind: Kind): number | undefined {
    const held = this.#entries.get(pid)?.[kind];
    return held?.set !== undefined && held.set < held.original ? held.set : undefined;
  }

  /** Limits these processes, and no others any more. */
  apply(wanted: readonly Wanted[]): void {
    const before = this.#entries;
    const entries = new Map<number, Entry>();
    let isNew = before.size !== 0 && wanted.length === 0;
    for (const want of wanted) {
      if (want.nofile === undefined && want.data === undefined) continue;
      const known = before.get(want.pid);
      const same = known?.start === want.start ? known : undefined;
      const nofile = this.#held(want, 'nofile', same, before);
      const data = this.#held(want, 'data', same, before);
      if (!nofile && !data) continue;
      if (!same || nofile !== same.nofile || data !== same.data) isNew = true;
      entries.set(want.pid, { pid: want.pid, start: want.start, group: want.group, nofile, data });
    }
    // Before the first change, and with those that are about to be put back.
    if (isNew) this.#file.keep([...originals(before, entries), ...originals(entries)]);
    for (const entry of before.values()) this.#restore(entry, entries.get(entry.pid));
    for (const want of wanted) this.#set(want, entries.get(want.pid));
    this.#entries = entries;
    if (entries.size === 0 && before.size > 0) this.#file.keep([]);
  }

  #held(
    want: Wanted,
    kind: Kind,
    same: Entry | undefined,
    before: ReadonlyMap<number, Entry>,
  ): Held | undefined {
    if (want[kind] === undefined) return undefined;
    const held = same?.[kind];
    if (held && !want.check) return held;
    const now = this.#calls.rlimit(want.pid, RESOURCES[kind]);
    if (!now) return held;
    if (held)
      return held.set === undefined || now.soft === held.set ? held : { original: now.soft, set: now.soft };
    if (same) return { original: now.soft, set: undefined };
    let inherited = before.get(want.parent)?.[kind];
    if (!inherited) {
      for (const entry of before.values())
        if (entry.group === want.group) inherited = entry[kind] ?? inherited;
    }
    // Only what is at a limit that was set for another can have inherited it.
    const isInherited = inherited?.set === now.soft && inherited.original <= now.hard;
    return { original: inherited && isInherited ? inherited.original : now.soft, set: undefined };
  }

  #set(want: Wanted, entry: Entry | undefined): void {
    for (const kind of ['nofile', 'data'] as const) {
      const held = entry?.[kind];
      const wish = want[kind];
      if (!held || wish === undefined) continue;
      const soft = Math.min(wish, held.original);
      if (soft !== held.set && this.#calls.setSoft(want.pid, RESOURCES[kind], soft)) held.set = soft;
    }
  }

  #restore(entry: Entry, now: Entry | undefined): void {
    const isSame = now?.start === entry.start;
    const kinds = (['nofile', 'data'] as const).filter((kind) => entry[kind] && !(isSame && now[kind]));
    if (kinds.length === 0 || !this.#lives(entry.pid, entry.start)) return;
    for (const kind of kinds) {
      const held = entry[kind];
      if (held) this.#calls.setSoft(entry.pid, RESOURCES[kind], held.original);
    }
  }
}

function originals(entries: ReadonlyMap<number, Entry>, except?: ReadonlyMap<number, Entry>): Original[] {
  return [...entries.values()]
    .filter(({ pid, start }) => except?.get(pid)?.start !== start)
    .map(({ pid, start, nofile, data }) => ({ pid, start, nofile: nofile?.original, data: data?.original }));
}

/**
 * The RLIMIT_NOFILE under which so many more descriptors can be opened: it bounds the number, and holes below it
 * fill first.
 *
 * @param descriptors open ones, ascending
 */
export function nofileFor(descriptors: readonly number[], headroom: number): number {
  let limit = Math.max(0, headroom);
  for (const fd of descriptors) {
    if (fd > limit) break;
    limit += 1;
  }
  return limit;
}
