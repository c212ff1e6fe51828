/**
 * Limits that only the limits of single tasks can hold: numfiles by RLIMIT_NOFILE, privvmpages by RLIMIT_DATA.
 *
 * Only the soft limit is lowered, and never above the task's own. The hard one is kept, for a task without
 * CAP_SYS_RESOURCE could not put back a hard limit itself if bcfs were gone. So a task can raise its soft limit again;
 * `check` takes that for its new own one and lowers it again.
 *
 * A task's own limits are written to a file before they are changed for the first time. A child inherits the lowered
 * limit: whatever was set in its beancounter before is remembered with the limit that it was set in place of. A child
 * that was forked while no daemon was there has its parent's own, if that is known.
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
  /** What it was made for. */
  readonly want: Wanted;
  readonly pid: number;
  readonly start: string;
  readonly group: number;
  readonly nofile: Held | undefined;
  readonly data: Held | undefined;
}

type Kind = 'nofile' | 'data';
const RESOURCES = { nofile: RLIMIT_NOFILE, data: RLIMIT_DATA } as const;

export class Rlimits {
  readonly #calls: Pick<SamplingCalls, 'rlimit' | 'setSoft'>;
  readonly #file: Originals;
  /** Whether a process is still the one with this start time. */
  readonly #lives: (pid: number, start: string) => boolean;
  #entries = new Map<number, Entry>();
  /** What was set in a beancounter, and in place of what. */
  readonly #handed = { nofile: new Handed(), data: new Handed() };
  /** By pid, what an earlier bcfs had kept. */
  #left = new Map<number, Original>();

  constructor(
    calls: Pick<SamplingCalls, 'rlimit' | 'setSoft'>,
    file: Originals,
    lives: (pid: number, start: string) => boolean,
  ) {
    this.#calls = calls;
    this.#file = file;
    this.#lives = lives;
  }

  /** Puts back what an earlier bcfs that was killed has left. */
  recover(): void {
    for (const original of this.#file.read()) {
      const { pid, start, nofile, data } = original;
      if (!this.#lives(pid, start)) continue;
      this.#left.set(pid, original);
      if (nofile !== undefined) this.#calls.setSoft(pid, RLIMIT_NOFILE, nofile);
      if (data !== undefined) this.#calls.setSoft(pid, RLIMIT_DATA, data);
    }
    this.#file.keep([]);
  }

  /** Limits these processes, and no others any more. What is the same object as the time before is as it was. */
  apply(wanted: readonly Wanted[]): void {
    const before = this.#entries;
    const entries = new Map<number, Entry>();
    let isNew = before.size !== 0 && wanted.length === 0;
    for (const want of wanted) {
      if (want.nofile === undefined && want.data === undefined) continue;
      const known = before.get(want.pid);
      if (known?.want === want && !want.check) {
        entries.set(want.pid, known);
        continue;
      }
      const same = known?.start === want.start ? known : undefined;
      const nofile = this.#held(want, 'nofile', same);
      const data = this.#held(want, 'data', same);
      if (!nofile && !data) continue;
      if (!same || nofile !== same.nofile || data !== same.data) isNew = true;
      entries.set(want.pid, { want, pid: want.pid, start: want.start, group: want.group, nofile, data });
    }
    // Before the first change, and with those that are about to be put back.
    if (isNew) this.#file.keep([...originals(before, entries), ...originals(entries)]);
    for (const entry of before.values()) {
      const now = entries.get(entry.pid);
      if (now !== entry) this.#restore(entry, now);
    }
    for (const want of wanted) {
      const entry = entries.get(want.pid);
      if (entry !== before.get(want.pid)) this.#set(want, entry);
    }
    this.#entries = entries;
    if (entries.size === 0 && before.size > 0) this.#file.keep([]);
  }

  #held(want: Wanted, kind: Kind, same: Entry | undefined): Held | undefined {
    if (want[kind] === undefined) return undefined;
    const held = same?.[kind];
    if (held && !want.check) return held;
    const now = this.#calls.rlimit(want.pid, RESOURCES[kind]);
    if (!now) return held;
    if (held)
      return held.set === undefined || now.soft === held.set ? held : { original: now.soft, set: now.soft };
    if (same) return { original: now.soft, set: undefined };
    const left = this.#left.get(want.parent)?.[kind] ?? 0;
    const own = Math.max(this.#handed[kind].original(want.group, now.soft), left, now.soft);
    return { original: Math.min(own, now.hard), set: undefined };
  }

  #set(want: Wanted, entry: Entry | undefined): void {
    for (const kind of ['nofile', 'data'] as const) {
      const held = entry?.[kind];
      const wish = want[kind];
      if (!held || wish === undefined) continue;
      const soft = Math.min(wish, held.original);
      if (soft === held.set || !this.#calls.setSoft(want.pid, RESOURCES[kind], soft)) continue;
      held.set = soft;
      this.#handed[kind].note(want.group, soft, held.original);
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

/** So many values are remembered of each beancounter. */
const REMEMBERED = 256;

/** Limits that were set, and the highest that each was set in place of, by beancounter. */
class Handed {
  readonly #byGroup = new Map<number, Map<number, number>>();

  note(group: number, set: number, original: number): void {
    if (set >= original) return;
    const values = this.#byGroup.get(group) ?? new Map<number, number>();
    this.#byGroup.set(group, values);
    const highest = Math.max(original, values.get(set) ?? 0);
    // The one that was set last comes last: the first is forgotten first.
    values.delete(set);
    values.set(set, highest);
    const [first] = values.keys();
    if (values.size > REMEMBERED && first !== undefined) values.delete(first);
  }

  /** What a limit was set in place of; 0 if it was not set in this beancounter. */
  original(group: number, set: number): number {
    return this.#byGroup.get(group)?.get(set) ?? 0;
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
