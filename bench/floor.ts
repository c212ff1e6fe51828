/** What nothing can be faster than: the kernel's own counters, read and written through cgroupfs, beside bcfs's. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathOf } from './client.js';
import { interleave, timesInRounds } from './measure.js';
import { Processes } from './processes.js';
import type { Report } from './report.js';
import { middle, timer, type Timing } from './timer.js';

export interface FloorSizes {
  readonly rounds: number;
  readonly times: number;
}

export const floorSizes: FloorSizes = { rounds: 9, times: 2000 };
export const quickFloorSizes: FloorSizes = { rounds: 1, times: 2 };

export async function floor({ rounds, times }: FloorSizes): Promise<Report> {
  const hierarchy = pidsHierarchy();
  if (hierarchy === undefined) {
    console.error('bench: there is no floor to measure: the controller pids is not mounted');
    return { part: 'floor', tables: [], figures: [] };
  }
  const group = join(hierarchy, `bcfs-bench-${process.pid}`);
  const processes = new Processes();
  mkdirSync(group);
  processes.onEnd(() => rmdirSync(group));
  try {
    const time = await timer(processes);
    const { mountpoint } = await processes.bcfs();
    const rows: (string | number)[][] = [];
    for (const operation of ['open-read-close', 'write'] as const) {
      const found = await interleave(rounds, {
        kernel: () => time({ operation, times, path: join(group, 'pids.max') }),
        bcfs: () => time({ operation, times, path: pathOf(operation, `${mountpoint}/0`, '') }),
      });
      const medians = (timings: readonly Timing[]) => timings.map((timing) => timing.median);
      const [kernel, bcfs] = [middle(found.kernel), middle(found.bcfs)];
      rows.push([
        operation,
        kernel.median / 1000,
        kernel.p99 / 1000,
        bcfs.median / 1000,
        timesInRounds(medians(found.bcfs), medians(found.kernel)),
      ]);
    }
    return {
      part: 'floor',
      tables: [
        {
          title: 'floor: µs per operation, free to move',
          columns: ['', 'pids.max', '99 %', 'dev-fuse', 'times'],
          rows,
        },
      ],
      figures: [],
    };
  } finally {
    await processes.end();
  }
}

/** Where the controller pids is mounted, of either version. */
function pidsHierarchy(): string | undefined {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [, root, mountpoint = '', type, controllers = ''] =
      /^\S+ \S+ \S+ (\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line) ?? [];
    if (root !== '/') continue;
    if (type === 'cgroup' && controllers.split(',').includes('pids')) return mountpoint;
    const given = join(mountpoint, 'cgroup.subtree_control');
    if (type === 'cgroup2' && existsSync(given) && /\bpids\b/.test(readFileSync(given, 'utf8'))) {
      return mountpoint;
    }
  }
  return undefined;
}
