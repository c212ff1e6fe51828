/**
 * The memory controller of cgroup v1. Source: the kernel's cgroup-v1/memory.rst.
 *
 * The sums `total_` of `memory.stat` are taken: they are what the limit bounds, and differ from the others only where
 * a task has made groups of its own below its beancounter's, and use_hierarchy is 1, which it always is since 5.11.
 */
import { closeSync, openSync } from 'node:fs';
import { BcfsError } from '../errors.js';
import type { CgroupGroups } from './cgroup-groups.js';
import type { MemoryController, OomControl } from './groups.js';
import { asBcfsError, field, readNumber, readNumberIfThere, readText, writeText } from './kernel-files.js';
import { PAGE_SIZE } from './page-size.js';

/** Bytes: what a limit shows that is none, the largest multiple of the page size that a long has room for. */
const NO_LIMIT = 2 ** 63 - PAGE_SIZE;

export class CgroupV1Memory implements MemoryController, OomControl {
  readonly #groups: CgroupGroups;

  constructor(groups: CgroupGroups) {
    this.#groups = groups;
  }

  resident(id: number): number {
    const stat = readText(this.#groups.file(id, 'memory.stat'));
    return ((field(stat, 'total_rss') ?? 0) + (field(stat, 'total_mapped_file') ?? 0)) / PAGE_SIZE;
  }

  kernel(id: number): number | undefined {
    return readNumberIfThere(this.#groups.file(id, 'memory.kmem.usage_in_bytes'));
  }

  kernelPeak(id: number): number | undefined {
    return readNumberIfThere(this.#groups.file(id, 'memory.kmem.max_usage_in_bytes'));
  }

  /** The kernel reclaims by itself, and says EBUSY where that is not enough. */
  setLimit(id: number, bytes: number | undefined): void {
    try {
      writeText(this.#groups.file(id, 'memory.limit_in_bytes'), boundText(bytes));
    } catch (error) {
      if (!(error instanceof BcfsError) || error.code !== 'EBUSY') throw error;
      throw new BcfsError(
        'ENOMEM',
        `beancounter ${id} holds more than ${String(bytes)} bytes, and not enough of it can be reclaimed`,
        { cause: error },
      );
    }
  }

  limit(id: number): number | undefined {
    const bytes = readNumber(this.#groups.file(id, 'memory.limit_in_bytes'));
    return bytes >= NO_LIMIT ? undefined : bytes;
  }

  setBarrier(id: number, bytes: number | undefined): void {
    writeText(this.#groups.file(id, 'memory.soft_limit_in_bytes'), boundText(bytes));
  }

  killed(id: number): number {
    return field(this.#oom(id), 'oom_kill') ?? 0;
  }

  refused(id: number): number {
    return readNumber(this.#groups.file(id, 'memory.failcnt'));
  }

  usage(id: number): number {
    return readNumber(this.#groups.file(id, 'memory.usage_in_bytes'));
  }

  setKernelKills(id: number, on: boolean): void {
    writeText(this.#groups.file(id, 'memory.oom_control'), on ? '0' : '1');
  }

  isUnderOom(id: number): boolean {
    return field(this.#oom(id), 'under_oom') === 1;
  }

  tell(id: number, eventfd: number): void {
    const path = this.#groups.file(id, 'memory.oom_control');
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch (error) {
      throw asBcfsError(error, path);
    }
    try {
      writeText(this.#groups.file(id, 'cgroup.event_control'), `${eventfd} ${fd}`);
    } finally {
      closeSync(fd);
    }
  }

  #oom(id: number): string {
    return readText(this.#groups.file(id, 'memory.oom_control'));
  }
}

function boundText(bytes: number | undefined): string {
  return bytes === undefined ? '-1' : String(bytes);
}
