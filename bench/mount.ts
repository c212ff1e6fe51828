/**
 * The mount: what file operations cost one client on bcfs with each transport, on a plain file system over
 * fuse-native with its default settings, and on one in C over libfuse 3. All on one CPU first, and then free to move,
 * where who wakes whom is what counts.
 */
import { operations, pathOf, type Operation } from './client.js';
import { compared, each, startAll, type Contender } from './contenders.js';
import { interleave, timesInRounds } from './measure.js';
import { firstCpu, Processes } from './processes.js';
import type { Figure, Report, Table } from './report.js';
import { middle, timer, type Timing } from './timer.js';

export interface MountSizes {
  /** At least 7 for figures that can be relied on. */
  readonly rounds: number;
  /** Operations per round. */
  readonly times: number;
  readonly places: readonly (keyof typeof places)[];
}

/** The CPU that clients and servers run on. */
const places = { 'one CPU': firstCpu(), free: undefined };

export const mountSizes: MountSizes = { rounds: 9, times: 2000, places: ['one CPU', 'free'] };
export const quickMountSizes: MountSizes = { rounds: 1, times: 2, places: ['one CPU'] };

const contenders: readonly Contender[] = [
  'dev-fuse',
  'fuse-native',
  'plain',
  'plain, all',
  'C',
  'C, checked',
];

/** dev-fuse takes at most so many times what the file system in C takes. */
const OF_C: Partial<Readonly<Record<Operation, number>>> = {
  'open-read-close': 1,
  readdir: 1,
  write: 1.25,
  'mkdir+rmdir': 1.25,
};

/** After it the kernel looks whether modes have changed, where it is to check them. */
const CHANGE: Operation = 'mkdir+rmdir';

/** dev-fuse opens, reads and closes in at most this share of what the plain one takes. */
const OF_PLAIN = 1 / 3;

/** fuse-native does it in at most this share of what the plain one with all handlers takes. */
const FUSE_NATIVE_OF_PLAIN = 0.7;

/** A beancounter that is there on all, and one that is not. */
const THERE = 0;
const SPARE = 7;

/** What each gave in each round. */
type Row = Partial<Readonly<Record<Contender, readonly Timing[]>>>;

export async function mount(sizes: MountSizes): Promise<Report> {
  const tables: Table[] = [];
  const figures: Figure[] = [];
  for (const where of sizes.places) {
    const rows = await measure(sizes, places[where]);
    const names = contenders.filter((name) => rows.some(([, row]) => row[name]));
    const table = (title: string, of: (timing: Timing) => number): Table => ({
      title: `mount: ${title}, ${where}`,
      columns: ['', ...names],
      rows: rows.map(([operation, row]) => [
        operation,
        ...names.map((name) => of(middle(row[name] ?? [])) / 1000),
      ]),
    });
    tables.push(
      table('µs per operation, median', (timing) => timing.median),
      table('µs per operation, 99 %', (timing) => timing.p99),
      {
        title: `mount: times each other, ${where}`,
        columns: ['', 'dev-fuse / C', 'dev-fuse / plain', 'fuse-native / plain', 'fuse-native / plain, all'],
        rows: rows.map(([operation, row]) => [
          operation,
          ratio(row, 'dev-fuse', 'C'),
          ratio(row, 'dev-fuse', 'plain'),
          ratio(row, 'fuse-native', 'plain'),
          ratio(row, 'fuse-native', 'plain, all'),
        ]),
      },
    );
    for (const [operation, row] of rows) {
      const want = (base: Contender, atMost: number, name: Contender = 'dev-fuse') =>
        figures.push(
          ...compared(`${operation}, ${name}, ${where}`, ratio(row, name, base), base, { atMost }),
        );
      const atMost = OF_C[operation];
      if (atMost !== undefined) {
        want('C', atMost);
        if (operation === CHANGE) want('C, checked', atMost);
      }
      if (operation === 'open-read-close') {
        want('plain', OF_PLAIN);
        want('plain, all', FUSE_NATIVE_OF_PLAIN, 'fuse-native');
      }
    }
  }
  return { part: 'mount', tables, figures };
}

function ratio(row: Row, one: Contender, other: Contender): number {
  const medians = (name: Contender) => row[name]?.map((timing) => timing.median);
  return timesInRounds(medians(one), medians(other));
}

async function measure(
  { rounds, times }: MountSizes,
  cpu: number | undefined,
): Promise<(readonly [Operation, Row])[]> {
  const processes = new Processes();
  try {
    const time = await timer(processes, cpu);
    const servers = await startAll(processes, contenders, cpu === undefined ? {} : { cpu });
    const rows: (readonly [Operation, Row])[] = [];
    for (const operation of Object.keys(operations) as Operation[]) {
      const repeat = each(servers, ({ mountpoint }) => {
        const path = pathOf(operation, `${mountpoint}/${THERE}`, `${mountpoint}/${SPARE}`);
        return time({ operation, path, times });
      });
      await interleave(1, repeat);
      rows.push([operation, await interleave(rounds, repeat)]);
    }
    return rows;
  } finally {
    await processes.end();
  }
}
