/** Many clients at once: what all of them together get done, each on a beancounter of its own. */
import { mkdirSync } from 'node:fs';
import { pathOf } from './client.js';
import { compared, each, startAll, type Contender } from './contenders.js';
import { interleave } from './measure.js';
import { Processes } from './processes.js';
import type { Figure, Report, Table } from './report.js';
import { middle, timer } from './timer.js';

export interface ClientsSizes {
  readonly clients: readonly number[];
  readonly rounds: number;
  /** Operations per round, of all clients together. */
  readonly times: number;
}

export const clientsSizes: ClientsSizes = { clients: [1, 4, 16, 32], rounds: 7, times: 6400 };
export const quickClientsSizes: ClientsSizes = { clients: [1, 2], rounds: 1, times: 4 };

const contenders: readonly Contender[] = ['dev-fuse', 'fuse-native', 'plain', 'C'];

/** The number of clients with which dev-fuse gives at least this share of what the file system in C gives. */
const WANTED = { clients: 16, atLeast: 0.9 };

export async function clients({ clients, rounds, times }: ClientsSizes): Promise<Report> {
  const processes = new Processes();
  try {
    const time = await timer(processes);
    const servers = await startAll(processes, contenders);
    for (const { mountpoint } of servers.values()) {
      for (let id = 0; id < Math.max(...clients); id += 1) {
        mkdirSync(`${mountpoint}/${id}`, { recursive: true });
      }
    }
    const names = [...servers.keys()];
    const tables: Table[] = [];
    const figures: Figure[] = [];
    for (const operation of ['open-read-close', 'write'] as const) {
      const rows: (string | number)[][] = [];
      for (const count of clients) {
        const work = { operation, times: Math.ceil(times / count), clients: count };
        const found = await interleave(
          rounds,
          each(servers, ({ mountpoint }) =>
            time({ ...work, path: pathOf(operation, `${mountpoint}/%`, '') }),
          ),
        );
        const rate = (name: Contender) => (servers.has(name) ? middle(found[name]).rate : undefined);
        const devFuse = rate('dev-fuse');
        rows.push([
          String(count),
          ...names.map((name) => rate(name) ?? NaN),
          (devFuse ?? NaN) / (rate('C') ?? NaN),
        ]);
        if (count !== WANTED.clients) continue;
        const what = `${operation}, ${count} clients, dev-fuse's throughput`;
        figures.push(...compared(what, devFuse, ['C', rate('C')], { atLeast: WANTED.atLeast }));
      }
      tables.push({
        title: `clients: ${operation}, operations per second of all together, free to move`,
        columns: ['clients', ...names, 'dev-fuse / C'],
        rows,
      });
    }
    return { part: 'clients', tables, figures };
  } finally {
    await processes.end();
  }
}
