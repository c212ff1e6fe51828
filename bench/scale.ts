/**
 * Many beancounters: whether a file of one of many is as fast as of one of few, whether more are made as fast as the
 * first, and what each takes of the daemon's memory.
 */
import { readFileSync } from 'node:fs';
import { beancounterTree, Registry } from 'bcfs';
import { pathOf } from './client.js';
import { interleave, median } from './measure.js';
import { firstCpu, Processes, type Client, type Server } from './processes.js';
import type { Report } from './report.js';
import { middle, timer } from './timer.js';

export interface ScaleSizes {
  /** Of each mount: from the least to the most, multiples of STEPS. */
  readonly beancounters: readonly [number, ...number[]];
  readonly rounds: number;
  /** Operations per round, over SAMPLED beancounters. */
  readonly times: number;
  /** mkdirs before anything is measured. */
  readonly warmUp: number;
}

export const scaleSizes: ScaleSizes = {
  beancounters: [10, 1000, 100_000],
  rounds: 9,
  times: 1000,
  warmUp: 5000,
};
export const quickScaleSizes: ScaleSizes = { beancounters: [10, 200], rounds: 1, times: 10, warmUp: 10 };

/** They are made in so many steps. */
const STEPS = 10;

/** What a step takes is the median of so many parts of it, where it has as many. */
const CHUNKS = 10;

/** Beancounters that are read, from all over. */
const SAMPLED = 10;

/** bytes, of each beancounter. */
const MEMORY = 2048;

interface Made {
  readonly beancounters: number;
  readonly mountpoint: string;
  /** Nanoseconds per mkdir, of each step. */
  readonly steps: readonly number[];
  /** Bytes of the daemon, of all of them. */
  readonly resident: number;
}

export async function scale({ beancounters, rounds, times, warmUp }: ScaleSizes): Promise<Report> {
  const processes = new Processes();
  try {
    // On one CPU, for what is compared is the tree, not who wakes whom.
    const cpu = firstCpu();
    const client = processes.client({ cpu });
    const time = await timer(processes, cpu);
    const all: Made[] = [];
    for (const count of beancounters) all.push(await make(processes, client, count, warmUp));
    const reads = await interleave(
      rounds,
      Object.fromEntries(
        all.map(({ mountpoint, beancounters }) => [
          String(beancounters),
          async () => {
            const found: number[] = [];
            for (let nth = 1; nth <= SAMPLED; nth += 1) {
              const path = pathOf('open-read-close', `${mountpoint}/${(nth * beancounters) / SAMPLED}`, '');
              found.push((await time({ operation: 'open-read-close', path, times: times / SAMPLED })).median);
            }
            return { median: median(found), p99: NaN, rate: NaN };
          },
        ]),
      ),
    );
    const read = (count: number) => middle(reads[String(count)] ?? []).median;
    const few = beancounters[0];
    const most = all.at(-1) as Made;
    const { first, more } = await compareTenths(processes, client, most, warmUp);
    const heap = heapBytes(most.beancounters);
    const many = `${most.beancounters} beancounters`;
    return {
      part: 'scale',
      tables: [
        {
          title: 'scale: dev-fuse, on one CPU',
          columns: ['beancounters', 'open-read-close, µs', 'mkdir, µs', 'RSS, each, bytes'],
          rows: all.map((made) => [
            made.beancounters,
            read(made.beancounters) / 1000,
            median(made.steps) / 1000,
            // Of few it is what V8 takes by the page.
            made === most ? made.resident / made.beancounters : '',
          ]),
        },
        {
          title: `scale: µs per mkdir, ${many} in ${STEPS} steps`,
          columns: ['up to', 'µs'],
          rows: most.steps.map((nanoseconds, index) => [
            ((index + 1) * most.beancounters) / STEPS,
            nanoseconds / 1000,
          ]),
        },
      ],
      figures: [
        {
          what: `open-read-close, ${many}`,
          value: read(most.beancounters) / read(few),
          unit: `times with ${few}`,
          atMost: 1.3,
        },
        {
          what: `mkdir, a tenth more than ${many}, rate`,
          value: first / more,
          unit: 'times the first tenth',
          atLeast: 0.8,
        },
        {
          what: 'memory of the daemon, each (RSS)',
          value: most.resident / most.beancounters,
          unit: 'bytes',
          atMost: MEMORY,
        },
        { what: 'heap of engine and tree, each', value: heap, unit: 'bytes', atMost: MEMORY },
      ],
    };
  } finally {
    await processes.end();
  }
}

async function make(
  processes: Processes,
  client: Client,
  beancounters: number,
  warmUp: number,
): Promise<Made> {
  const { mountpoint, pid } = await warmServer(processes, client, beancounters, warmUp);
  const before = residentBytes(pid);
  const steps: number[] = [];
  const step = beancounters / STEPS;
  const chunk = chunkOf(step);
  for (let made = 0; made < beancounters; made += step) {
    const chunks: number[] = [];
    for (let first = made + 1; first <= made + step; first += chunk) {
      chunks.push(await client.order({ kind: 'make', mountpoint, first, times: chunk }));
    }
    steps.push(median(chunks));
  }
  return { beancounters, mountpoint, steps, resident: residentBytes(pid) - before };
}

/** A daemon that has made beancounters, and has none. */
async function warmServer(
  processes: Processes,
  client: Client,
  beancounters: number,
  warmUp: number,
): Promise<Server> {
  const server = await processes.bcfs({ cpu: firstCpu() });
  // What V8 takes once and for all, for new objects, is not what a beancounter takes.
  const path = `${server.mountpoint}/${beancounters + 1}`;
  await client.order({ kind: 'repeat', operation: 'mkdir+rmdir', path, times: warmUp });
  return server;
}

function chunkOf(step: number): number {
  return step % CHUNKS === 0 ? step / CHUNKS : step;
}

/** Nanoseconds per mkdir, of a tenth more, and of the first tenth on another mount, which take turns. */
async function compareTenths(
  processes: Processes,
  client: Client,
  { mountpoint, beancounters }: Made,
  warmUp: number,
): Promise<{ first: number; more: number }> {
  const fresh = await warmServer(processes, client, beancounters, warmUp);
  const step = beancounters / STEPS;
  const times = chunkOf(step);
  const making = (path: string, made: number) => () => {
    const order = { kind: 'make', mountpoint: path, first: made + 1, times } as const;
    made += times;
    return client.order(order);
  };
  const found = await interleave(step / times, {
    first: making(fresh.mountpoint, 0),
    more: making(mountpoint, beancounters),
  });
  return { first: median(found.first), more: median(found.more) };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

/** What engine and tree take of the heap for each beancounter, in this process. NaN without `--expose-gc`. */
function heapBytes(beancounters: number): number {
  const tree = beancounterTree(new Registry());
  const before = usedHeap();
  for (let id = 1; id <= beancounters; id += 1) tree.mkdir(tree.root, String(id));
  const after = usedHeap();
  // Alive until here.
  return tree.root.children.size > beancounters ? (after - before) / beancounters : NaN;
}

function usedHeap(): number {
  if (!global.gc) return NaN;
  global.gc();
  return process.memoryUsage().heapUsed;
}
