/**
 * The mount: what file operations cost on bcfs, and on a plain file system over fuse-native with its default
 * settings. Client and servers on one CPU first, and then free to move, where who wakes whom is what counts.
 */
import { operations, type Operation } from './client.js';
import { interleave, median } from './measure.js';
import { firstCpu, Processes } from './processes.js';
import type { Figure, Report, Table } from './report.js';

export interface MountSizes {
  readonly rounds: number;
  /** Operations per round. */
  readonly times: number;
}

export const mountSizes: MountSizes = { rounds: 45, times: 100 };
export const quickMountSizes: MountSizes = { rounds: 1, times: 2 };

/** Open, read and close take at most this share of what they take on the plain one. */
const WANTED = 0.7;

/** A beancounter that is there on both, and one that is not. */
const THERE = 0;
const SPARE = 7;

export async function mount(sizes: MountSizes): Promise<Report> {
  const tables: Table[] = [];
  const figures: Figure[] = [];
  for (const [where, cpu] of [
    ['client and server on one CPU', firstCpu()],
    ['free to move', undefined],
  ] as const) {
    const rows = await measure(sizes, cpu);
    tables.push({
      title: `mount: µs per operation, ${where}`,
      columns: ['', 'plain, few handlers', 'plain, all', 'bcfs', 'of few', 'of all'],
      rows: rows.map(({ operation, few, all, bcfs }) => [operation, few, all, bcfs, bcfs / few, bcfs / all]),
    });
    const [read] = rows;
    if (read) {
      const what = `${read.operation}, ${where}`;
      figures.push({ what, value: read.bcfs / read.few, unit: 'of plain, few', atMost: WANTED });
      figures.push({ what, value: read.bcfs / read.all, unit: 'of plain, all', atMost: WANTED });
    }
  }
  return { part: 'mount', tables, figures };
}

interface Row {
  readonly operation: Operation;
  /** Microseconds, as the next two: the plain one with few handlers, and with all. */
  readonly few: number;
  readonly all: number;
  readonly bcfs: number;
}

async function measure({ rounds, times }: MountSizes, cpu: number | undefined): Promise<Row[]> {
  const processes = new Processes();
  try {
    const options = cpu === undefined ? {} : { cpu };
    const client = processes.client(options);
    const servers = {
      few: await processes.plain('few', options),
      all: await processes.plain('all', options),
      bcfs: await processes.bcfs(options),
    };
    const rows: Row[] = [];
    for (const operation of Object.keys(operations) as Operation[]) {
      const repeat = (mountpoint: string) => () =>
        client.order({
          kind: 'repeat',
          operation,
          dir: `${mountpoint}/${THERE}`,
          spare: `${mountpoint}/${SPARE}`,
          times,
        });
      const contenders = {
        few: repeat(servers.few.mountpoint),
        all: repeat(servers.all.mountpoint),
        bcfs: repeat(servers.bcfs.mountpoint),
      };
      await interleave(1, contenders);
      const { few, all, bcfs } = await interleave(rounds, contenders);
      rows.push({ operation, few: median(few) / 1000, all: median(all) / 1000, bcfs: median(bcfs) / 1000 });
    }
    return rows;
  } finally {
    await processes.end();
  }
}
