/**
 * The memory controller of cgroup v2. Source: the kernel's cgroup-v2.rst.
 *
 * A write of `memory.max` below what is charged reclaims, and then kills until the rest fits. v6 refuses instead. So
 * a limit is lowered in steps: the tasks of the group are stopped, memory is reclaimed, and the limit is set if what
 * is left fits. Then they go on, whatever came of it.
 */
import { BcfsError } from '../errors.js';
import type { CgroupGroups } from './cgroup-groups.js';
import type { MemoryController } from './groups.js';
import { field, readNumber, readText, readTextIfThere, writeText } from './kernel-files.js';
import { PAGE_SIZE } from './page-size.js';

/** Bytes that are reclaimed at a time. */
const RECLAIM_STEP = 16 << 20;

/**
 * Milliseconds that the tasks of a group get to stop. One that sleeps in the kernel and cannot be interrupted does not
 * stop: whoever wrote the new limit, for one, if it is itself in the group and waits for the answer. Such a task
 * charges nothing while it sleeps; and if it does wake and charge, `memory.max` reclaims before it kills.
 */
const FREEZE_TIME = 100;

/** What a sleeping thread waits on in vain. */
const never = new Int32Array(new SharedArrayBuffer(4));

export class CgroupV2Memory implements MemoryController {
  readonly #groups: CgroupGroups;

  constructor(groups: CgroupGroups) {
    this.#groups = groups;
  }

  resident(id: number): number {
    const stat = this.#stat(id);
    return ((field(stat, 'anon') ?? 0) + (field(stat, 'file_mapped') ?? 0)) / PAGE_SIZE;
  }

  /** `kernel` is there since Linux 5.18. */
  kernel(id: number): number | undefined {
    return field(this.#stat(id), 'kernel');
  }

  kernelPeak(): undefined {
    return undefined;
  }

  setLimit(id: number, bytes: number | undefined): void {
    const path = this.#groups.file(id, 'memory.max');
    const limit = bytes === undefined ? Infinity : Math.floor(bytes / PAGE_SIZE) * PAGE_SIZE;
    if (limit >= (this.limit(id) ?? Infinity)) return writeText(path, boundText(bytes));
    this.#whileFrozen(id, () => {
      if (!this.#reclaimTo(id, limit)) {
        const message = `beancounter ${id} holds more than ${limit} bytes, and not enough of it can be reclaimed`;
        throw new BcfsError('ENOMEM', message);
      }
      writeText(path, boundText(limit));
    });
  }

  limit(id: number): number | undefined {
    const text = readText(this.#groups.file(id, 'memory.max'));
    return text.startsWith('max') ? undefined : Number(text);
  }

  setBarrier(id: number, bytes: number | undefined): void {
    writeText(this.#groups.file(id, 'memory.high'), boundText(bytes));
  }

  killed(id: number): number {
    return field(this.#events(id), 'oom_kill') ?? 0;
  }

  refused(id: number): number {
    return field(this.#events(id), 'max') ?? 0;
  }

  usage(id: number): number {
    return readNumber(this.#groups.file(id, 'memory.current'));
  }

  #stat(id: number): string {
    return readText(this.#groups.file(id, 'memory.stat'));
  }

  /** Of the group alone since Linux 5.2; before, of those below it too, which it does not have. */
  #events(id: number): string {
    return (
      readTextIfThere(this.#groups.file(id, 'memory.events.local')) ??
      readText(this.#groups.file(id, 'memory.events'))
    );
  }

  /**
   * Reclaims until no more is charged than that. Where the kernel has no `memory.reclaim` (before 5.19) it only looks.
   *
   * @returns whether it came so far
   */
  #reclaimTo(id: number, limit: number): boolean {
    const path = this.#groups.file(id, 'memory.reclaim');
    for (let usage = this.usage(id); usage > limit;) {
      try {
        writeText(path, String(Math.min(usage - limit, RECLAIM_STEP)));
      } catch (error) {
        // It has reclaimed less than it was asked to: what is left decides.
        if (!(error instanceof BcfsError) || !['EAGAIN', 'ENOENT'].includes(error.code)) throw error;
      }
      const left = this.usage(id);
      if (left >= usage) return false;
      usage = left;
    }
    return true;
  }

  /** Runs something while the tasks of a group stand still, as far as they can be stopped. */
  #whileFrozen(id: number, run: () => void): void {
    const path = this.#groups.file(id, 'cgroup.freeze');
    // Not one that somebody else has frozen, and wants to stay so; and not ourselves.
    if (readTextIfThere(path) !== '0\n' || this.#groups.processes(id).includes(process.pid)) return run();
    try {
      writeText(path, '1');
      for (const start = Date.now(); Date.now() - start < FREEZE_TIME; Atomics.wait(never, 0, 0, 1)) {
        if (field(readText(this.#groups.file(id, 'cgroup.events')), 'frozen') === 1) break;
      }
      run();
    } finally {
      writeText(path, '0');
    }
  }
}

function boundText(bytes: number | undefined): string {
  return bytes === undefined ? 'max' : String(bytes);
}
