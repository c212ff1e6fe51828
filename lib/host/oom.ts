/**
 * The second level of the out-of-memory killer: when the whole machine runs short, the beancounter that is most above
 * its barrier is chosen first, then the task in it that weighs most. (The first level, a beancounter at its own limit,
 * is the kernel's.) Source: v6.md, "What the seed lists for the full set"; the kernel's accounting/psi.rst.
 */
import { readFileSync } from 'node:fs';

/** Tells whether the machine is short of memory. */
export type Pressure = () => boolean;

/** Of the last ten seconds, how many percent all tasks together waited for memory, for the machine to be short of it. */
const FULL_PERCENT = 10;

/** Milliseconds: the memory of whoever was killed is not free at once, and neither is the pressure gone. */
const PAUSE = 2000;

/**
 * The kernel's pressure stall information.
 *
 * @param proc where proc is mounted
 * @returns undefined where the kernel does not tell
 */
export function kernelPressure(proc = '/proc'): Pressure | undefined {
  const read = () => readFileSync(`${proc}/pressure/memory`, 'utf8');
  try {
    read();
  } catch {
    return undefined;
  }
  return () => Number(/^full avg10=([0-9.]+)/m.exec(read())?.[1] ?? 0) >= FULL_PERCENT;
}

/** What may be chosen. */
export interface Candidates {
  /** The beancounters that hold more physpages than their barrier, and by how many pages. */
  aboveBarrier(): Iterable<{ readonly id: number; readonly pages: number }>;
  /** The process of a beancounter that has the most resident pages; undefined if there is none. */
  heaviest(id: number): number | undefined;
  /** Ends a process, and tells of it. */
  kill(id: number, pid: number): void;
}

export class SecondLevel {
  readonly #pressure: Pressure;
  readonly #candidates: Candidates;
  #quietUntil = -Infinity;

  constructor(pressure: Pressure, candidates: Candidates) {
    this.#pressure = pressure;
    this.#candidates = candidates;
  }

  /** To be called about once a second. @param now milliseconds of a clock that only goes forward */
  tick(now: number): void {
    if (now < this.#quietUntil || !this.#pressure()) return;
    const above = [...this.#candidates.aboveBarrier()].sort((a, b) => b.pages - a.pages);
    for (const { id } of above) {
      const pid = this.#candidates.heaviest(id);
      if (pid === undefined) continue;
      this.#candidates.kill(id, pid);
      this.#quietUntil = now + PAUSE;
      return;
    }
  }
}
