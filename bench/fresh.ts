/**
 * Live tasks: whether sampling many processes holds up the file system, and what reading held costs beside reading an
 * attribute that is a constant.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { interleave } from './measure.js';
import { Processes } from './processes.js';
import type { Report } from './report.js';
import { SLEEPERS } from './sleepers.js';
import { middle, timer, type Timing } from './timer.js';

export interface FreshSizes {
  readonly processes: number;
  readonly beancounters: number;
  readonly rounds: number;
  /** Operations per round: as many as take several of the sampler's intervals. */
  readonly times: number;
}

export const freshSizes: FreshSizes = { processes: 5000, beancounters: 100, rounds: 3, times: 60_000 };
export const quickFreshSizes: FreshSizes = { processes: 4, beancounters: 2, rounds: 1, times: 10 };

/** Of the first beancounter. */
const files = {
  'a constant': 'id',
  'held of the kernel': 'numtasks/held',
  'held of samples': 'numfiles/held',
} as const;
type File = keyof typeof files;

const CONSTANT: File = 'a constant';

export async function fresh({ processes: count, beancounters, rounds, times }: FreshSizes): Promise<Report> {
  const processes = new Processes();
  try {
    const time = await timer(processes);
    const { mountpoint } = await processes.bcfs({ live: true });
    for (let id = 1; id <= beancounters; id += 1) mkdirSync(`${mountpoint}/${id}`);
    const measure = async (): Promise<Record<File, Timing>> => {
      const read = (file: string) => () =>
        time({ operation: 'open-read-close', path: `${mountpoint}/1/${file}`, times });
      const names = Object.entries(files) as [File, string][];
      const found = await interleave(
        rounds,
        Object.fromEntries(names.map(([name, file]) => [name, read(file)] as const)) as Record<
          File,
          () => Promise<Timing>
        >,
      );
      return Object.fromEntries(names.map(([name]) => [name, middle(found[name])] as const)) as Record<
        File,
        Timing
      >;
    };
    const before = await measure();
    const end = await populate(processes, mountpoint, beancounters, count / beancounters);
    const during = await measure();
    await end();
    const after = await measure();
    const names = Object.keys(files) as File[];
    /** The better of the two times without processes: what else the machine did then is nobody's. */
    const without = (name: File, figure: 'median' | 'p99') =>
      Math.min(before[name][figure], after[name][figure]);
    return {
      part: 'fresh',
      tables: [
        {
          title: `fresh: open-read-close, µs, without processes and with ${count} in ${beancounters} beancounters`,
          columns: ['', 'without, median', 'with, median', 'without, 99 %', 'with, 99 %'],
          rows: names.map((name) => [
            name,
            without(name, 'median') / 1000,
            during[name].median / 1000,
            without(name, 'p99') / 1000,
            during[name].p99 / 1000,
          ]),
        },
      ],
      figures: [
        ...names.flatMap((name) => [
          {
            what: `${name}, ${count} processes, median`,
            value: during[name].median / without(name, 'median'),
            unit: 'times without',
            atMost: 1.5,
          },
          {
            what: `${name}, ${count} processes, 99 %`,
            value: during[name].p99 / without(name, 'p99'),
            unit: 'times without',
            atMost: 3,
          },
        ]),
        ...names
          .filter((name) => name !== CONSTANT)
          .map((name) => ({
            what: `${name}, ${count} processes, median`,
            value: during[name].median / during[CONSTANT].median,
            unit: `times ${CONSTANT}`,
            atMost: 2,
          })),
      ],
    };
  } finally {
    await processes.end();
  }
}

/** Has so many processes in each beancounter. @returns ends them */
async function populate(
  processes: Processes,
  mountpoint: string,
  beancounters: number,
  each: number,
): Promise<() => Promise<void>> {
  const parents = await Promise.all(
    Array.from({ length: beancounters }, async (_, index) => {
      const move = `echo $$ > "$1" && exec perl -e "$2" "$3"`;
      const words = ['-c', move, 'bash', `${mountpoint}/${index + 1}/tasks`, SLEEPERS, String(each - 1)];
      const parent = spawn('bash', words, { stdio: ['pipe', 'pipe', 'inherit'] });
      const exit = once(parent, 'exit');
      const failed = exit.then(() => {
        throw new Error('fresh: the processes could not be started');
      });
      await Promise.race([once(parent.stdout, 'data'), failed]);
      return async () => {
        parent.stdin.end();
        await exit;
      };
    }),
  );
  let ended: Promise<void> | undefined;
  const end = () => (ended ??= Promise.all(parents.map((one) => one())).then(() => undefined));
  processes.onEnd(end);
  return end;
}
