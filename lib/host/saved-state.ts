/** What a daemon left for the next one to know: the lines of its state file, and what they come to. */
import type { MovedTask } from './moved-tasks.js';

/** A line of the state file: what was changed, and to what. */
export type StateLine =
  | { readonly bc: number; readonly seen: boolean }
  | { readonly bc: number; readonly gone: true }
  | { readonly bc: number; readonly resource: string; readonly barrier: string; readonly limit: string }
  | { readonly bc: number; readonly resource: string; readonly maxheld: number; readonly failcnt: number }
  | { readonly moved: MovedTask }
  | { readonly back: number };

/** What a state file said, by beancounter. */
export class SavedState {
  readonly #seen = new Map<number, boolean>();
  readonly #parameters = new Map<string, { barrier: bigint; limit: bigint }>();
  readonly #counts = new Map<string, { maxheld: number; failcnt: number }>();
  readonly #moved = new Map<number, MovedTask>();

  constructor(lines: readonly StateLine[]) {
    for (const line of lines) this.#take(line);
  }

  #take(line: StateLine): void {
    if ('moved' in line) this.#moved.set(line.moved.tid, line.moved);
    else if ('back' in line) this.#moved.delete(line.back);
    else if ('seen' in line) this.#seen.set(line.bc, line.seen);
    else if ('gone' in line) this.#forget(line.bc);
    else if ('limit' in line) {
      const { bc, resource, barrier, limit } = line;
      this.#parameters.set(`${bc} ${resource}`, { barrier: BigInt(barrier), limit: BigInt(limit) });
    } else this.#counts.set(`${line.bc} ${line.resource}`, line);
  }

  #forget(id: number): void {
    this.#seen.delete(id);
    for (const map of [this.#parameters, this.#counts]) {
      for (const key of map.keys()) if (key.startsWith(`${id} `)) map.delete(key);
    }
  }

  get ids(): IterableIterator<number> {
    return this.#seen.keys();
  }

  get moved(): IterableIterator<MovedTask> {
    return this.#moved.values();
  }

  /** Whether it had a directory; a group that nothing is known of has one again. */
  isSeen(id: number): boolean {
    return this.#seen.get(id) ?? true;
  }

  parameters(id: number, resource: string) {
    return this.#parameters.get(`${id} ${resource}`);
  }

  counts(id: number, resource: string) {
    return this.#counts.get(`${id} ${resource}`);
  }
}
