/** Many clients at once: what all of them together get done, each on a beancounter of its own. */
import { mkdirSync } from 'node:fs';
import { pathOf, type Operation } from './client.js';
import { compared, each, startAll, type Contender } from './contenders.js';
import { interleave, timesInRounds } from './measure.js';
import { Processes } from './processes.js';
import type { Figure, Report } from './report.js';
import { middle, timer } from './timer.js';

export interface ClientsSizes {
  readonly clients: readonly number[];
  readonly rounds: number;
  /** Operations per round, of all clients together: many enough that they are at work together most of the time. */
  readonly times: number;
}

export const clientsSizes: ClientsSizes = { clients: [1, 4, 16, 32], rounds: 5, times: 32_000 };
export const quickClientsSizes: ClientsSizes = { clients: [1, 2], rounds: 1, times: 4 };

const contenders: readonly Contender[] = ['dev-fuse', 'fuse-native', 'plain', 'C'];

const OPERATION: Operation = 'open-read-close';

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
    const figures: Figure[] = [];
    const rows: (string | number)[][] = [];
    for (const count of clients) {
      const work = { operation: OPERATION, times: Math.ceil(times / count), clients: count };
      const found = await interleave(
        rounds,
        each(servers, ({ mountpoint }) => time({ ...work, path: pathOf(OPERATION, `${mountpoint}/%`, '') })),
      );
      const rates = (name: Contender) =>
        servers.has(name) ? found[name].map(({ rate }) => rate) : undefined;
      const ofC = timesInRounds(rates('dev-fuse'), rates('C'));
      rows.push([String(count), ...names.map((name) => middle(found[name]).rate), ofC]);
      if (count !== WANTED.clients) continue;
      const what = `${OPERATION}, ${count} clients, dev-fuse's throughput`;
      figures.push(...compared(what, ofC, 'C', { atLeast: WANTED.atLeast }));
    }
    const title = `clients: ${OPERATION}, operations per second of all together, free to move`;
    const columns = ['clients', ...names, 'dev-fuse / C'];
    return { part: 'clients', tables: [{ title, columns, rows }], figures };
  } finally {
    await processes.end();
  }
}
