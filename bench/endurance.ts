/**
 * Endurance: many clients at once for a minute, over all operations, each of which checks what it is answered. A server
 * that leaks a handle per request, or a thread, gets slower and larger; this one must do neither once it is warm.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { median } from './measure.js';
import { Processes, type BcfsOptions, type Client } from './processes.js';
import type { Report } from './report.js';

type Transport = NonNullable<BcfsOptions['transport']>;

export interface EnduranceSizes {
  readonly seconds: number;
  readonly clients: number;
  /** What is compared: so many seconds at the beginning, and at the end. */
  readonly window: number;
  readonly transports: readonly Transport[];
}

const transports: readonly Transport[] = ['dev-fuse', 'fuse-native'];

export const enduranceSizes: EnduranceSizes = { seconds: 60, clients: 32, window: 10, transports };
export const quickEnduranceSizes: EnduranceSizes = { seconds: 2, clients: 2, window: 1, transports };

interface Sample {
  readonly second: number;
  /** Operations of all clients since the sample before. */
  readonly operations: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly residentMegabytes: number;
  /** libuv's, of the daemon: what fuse-native leaks by itself. Only with the first and the last of the samples. */
  readonly handles: number | undefined;
}

/** Beancounter numbers: each client has one that is there, and one that it makes and drops. */
const SPARE = 100_000;

export async function endurance(sizes: EnduranceSizes): Promise<Report> {
  const reports: Findings[] = [];
  for (const transport of sizes.transports) reports.push(await endure(transport, sizes));
  return {
    part: 'endurance',
    tables: reports.flatMap(({ tables }) => tables),
    figures: reports.flatMap(({ figures }) => figures),
  };
}

type Findings = Pick<Report, 'tables' | 'figures'>;

async function endure(transport: Transport, { seconds, clients, window }: EnduranceSizes): Promise<Findings> {
  const processes = new Processes();
  try {
    const reports = processes.scratch();
    const { mountpoint, pid } = await processes.bcfs({
      transport,
      env: { NODE_OPTIONS: `--report-on-signal --report-compact --report-directory=${reports}` },
    });
    let operations = 0;
    const errors: string[] = [];
    const crowd: Client[] = [];
    for (let id = 1; id <= clients; id += 1) {
      const client = processes.client();
      client.onAnswer(({ value, error }) => {
        if (error === undefined) operations += value;
        else errors.push(error);
      });
      crowd.push(client);
    }
    await Promise.all(
      crowd.map((client, index) =>
        client.order({
          kind: 'load',
          dir: `${mountpoint}/${index + 1}`,
          spare: `${mountpoint}/${SPARE + index}`,
        }),
      ),
    );
    const samples: Sample[] = [];
    for (let second = 1; second <= seconds; second += 1) {
      await delay(1000);
      const isEdge = second === window || second === seconds;
      const done = operations;
      operations = 0;
      samples.push({
        second,
        operations: done,
        descriptors: readdirSync(`/proc/${pid}/fd`).length,
        threads: readdirSync(`/proc/${pid}/task`).length,
        residentMegabytes:
          Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
        handles: isEdge ? await countHandles(pid, reports) : undefined,
      });
    }
    if (errors.length > 0) throw new Error(`a client failed: ${errors.join('; ')}`);
    return summary(transport, samples, clients, window);
  } finally {
    await processes.end();
  }
}

function summary(
  transport: Transport,
  samples: readonly Sample[],
  clients: number,
  window: number,
): Findings {
  const warm = samples.slice(0, window);
  const late = samples.slice(-window);
  const rate = (some: readonly Sample[]) => median(some.map(({ operations }) => operations));
  const growth = (of: (sample: Sample) => number | undefined) =>
    (of(late.at(-1) as Sample) ?? NaN) - (of(warm.at(-1) as Sample) ?? NaN);
  const every = Math.max(1, Math.round(samples.length / 12));
  return {
    tables: [
      {
        title: `endurance: ${transport}, ${clients} clients for ${samples.length} s, over all operations`,
        columns: ['second', 'operations/s', 'descriptors', 'threads', 'RSS, MB', 'libuv handles'],
        rows: samples
          .filter(({ second, handles }) => second % every === 0 || handles !== undefined)
          .map((sample) => [
            sample.second,
            sample.operations,
            sample.descriptors,
            sample.threads,
            sample.residentMegabytes,
            sample.handles === undefined ? '' : String(sample.handles),
          ]),
      },
    ],
    figures: [
      {
        what: `${transport}: rate of the last ${window} s against the first`,
        value: rate(late) / rate(warm),
        unit: 'times',
        atLeast: 0.9,
      },
      {
        what: `${transport}: descriptors since second ${window}`,
        value: growth((s) => s.descriptors),
        unit: 'more',
        atMost: 0,
      },
      {
        what: `${transport}: threads since second ${window}`,
        value: growth((s) => s.threads),
        unit: 'more',
        atMost: 0,
      },
      {
        what: `${transport}: libuv handles since second ${window}`,
        value: growth((s) => s.handles),
        unit: 'more',
        atMost: 0,
      },
      {
        what: `${transport}: RSS since second ${window}`,
        value: growth((s) => s.residentMegabytes),
        unit: 'MB more',
        atMost: 5,
      },
    ],
  };
}

/** How long the daemon may take to write its report, in milliseconds. */
const REPORT_TIME = 10_000;

/** Asks the daemon for Node's diagnostic report, which lists every handle that libuv has. */
async function countHandles(pid: number, directory: string): Promise<number> {
  const known = new Set(readdirSync(directory));
  process.kill(pid, 'SIGUSR2');
  for (let waited = 0; waited < REPORT_TIME; waited += 50) {
    await delay(50);
    const fresh = readdirSync(directory).find((name) => !known.has(name));
    if (fresh === undefined) continue;
    try {
      const report = JSON.parse(readFileSync(join(directory, fresh), 'utf8')) as { libuv: unknown[] };
      return report.libuv.length;
    } catch {
      // Not written to its end yet.
    }
  }
  throw new Error('the daemon wrote no report');
}
