/** What looks at everything: `find` over many beancounters, new to the kernel and again, and a large directory. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { each, startAll, type Contender } from './contenders.js';
import { interleave, median } from './measure.js';
import { Processes } from './processes.js';
import type { Report } from './report.js';
import { middle, timer } from './timer.js';

const run = promisify(execFile);

export interface FindSizes {
  /** That `find` goes over. */
  readonly beancounters: number;
  readonly rounds: number;
  /** In the directory that is listed. */
  readonly entries: number;
  readonly listings: number;
}

export const findSizes: FindSizes = { beancounters: 1000, rounds: 3, entries: 10_000, listings: 9 };
export const quickFindSizes: FindSizes = { beancounters: 2, rounds: 1, entries: 5, listings: 1 };

const contenders: readonly Contender[] = ['dev-fuse', 'fuse-native', 'C'];

/** Milliseconds to list a directory of so many entries. */
const WANTED = 1000;

export async function find({ beancounters, rounds, entries, listings }: FindSizes): Promise<Report> {
  const processes = new Processes();
  try {
    const client = processes.client();
    const measure = await timer(processes);
    const servers = await startAll(processes, contenders);
    const names = [...servers.keys()];
    const make = (mountpoint: string, first: number, last: number) =>
      client.order({ kind: 'make', mountpoint, first, times: last - first + 1 });
    const finds = await interleave(
      rounds,
      each(servers, async ({ mountpoint }) => {
        await make(mountpoint, 1, beancounters);
        const cold = await findAll(mountpoint);
        const warm = await findAll(mountpoint);
        // The next round's have new inodes.
        await client.order({ kind: 'remove', mountpoint, first: 1, times: beancounters });
        return { cold, warm };
      }),
    );
    for (const { mountpoint } of servers.values()) await make(mountpoint, 1, entries);
    const lists = await interleave(
      listings,
      each(servers, ({ mountpoint }) => measure({ operation: 'readdir', path: mountpoint, times: 1 })),
    );
    const list = (name: Contender) => middle(lists[name]).median / 1e6;
    return {
      part: 'find',
      tables: [
        {
          title: 'find: ms',
          columns: ['', ...names],
          rows: [
            [
              `find, ${beancounters} beancounters, cold`,
              ...names.map((name) => median(finds[name].map((f) => f.cold))),
            ],
            [
              `find, ${beancounters} beancounters, warm`,
              ...names.map((name) => median(finds[name].map((f) => f.warm))),
            ],
            [`readdir, ${entries} entries`, ...names.map(list)],
          ],
        },
      ],
      figures: [
        {
          what: `readdir, ${entries} entries, dev-fuse`,
          value: list('dev-fuse'),
          unit: 'ms',
          atMost: WANTED,
        },
      ],
    };
  } finally {
    await processes.end();
  }
}

/** Milliseconds. */
async function findAll(mountpoint: string): Promise<number> {
  const start = performance.now();
  await run('find', [mountpoint], { maxBuffer: 1 << 28 });
  return performance.now() - start;
}
