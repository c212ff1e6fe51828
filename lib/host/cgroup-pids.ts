/**
 * The cgroup pids controller, the same in v1 and v2. Source: the kernel's kernel/cgroup/pids.c.
 *
 * `max` in `pids.events` counts the forks that were refused to tasks of the group. In v2, from Linux 6.11 on, it counts
 * the refusals of this group's limit, to tasks of groups below too, and `pids.events.local` has what it had.
 */
import type { CgroupGroups } from './cgroup-groups.js';
import type { PidsController } from './groups.js';
import {
  field,
  readNumber,
  readNumberIfThere,
  readText,
  readTextIfThere,
  writeText,
} from './kernel-files.js';

export class CgroupPids implements PidsController {
  readonly #groups: CgroupGroups;

  constructor(groups: CgroupGroups) {
    this.#groups = groups;
  }

  current(id: number): number {
    return readNumber(this.#groups.file(id, 'pids.current'));
  }

  peak(id: number): number | undefined {
    return readNumberIfThere(this.#groups.file(id, 'pids.peak'));
  }

  refused(id: number): number {
    const local =
      this.#groups.version === 'v2' ? readTextIfThere(this.#groups.file(id, 'pids.events.local')) : undefined;
    const events = local ?? readText(this.#groups.file(id, 'pids.events'));
    return field(events, 'max') ?? 0;
  }

  setMax(id: number, max: number | undefined): void {
    writeText(this.#groups.file(id, 'pids.max'), max === undefined ? 'max' : String(max));
  }

  max(id: number): number | undefined {
    const text = readText(this.#groups.file(id, 'pids.max'));
    return text.startsWith('max') ? undefined : Number(text);
  }
}
