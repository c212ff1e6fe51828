/**
 * Many beancounters: whether the last thousand are made as fast as the first, what each takes of the daemon's
 * memory, and how long `ls` of the mount takes.
 */
import { readFileSync } from 'node:fs';
import { beancounterTree, Registry } from 'bcfs';
import { median } from './measure.js';
import { firstCpu, Processes } from './processes.js';
import type { Report } from './report.js';

export interface ScaleSizes {
  readonly beancounters: number;
  /** The first and the last so many are compared: a multiple of CHUNKS. */
  readonly step: number;
}

export const scaleSizes: ScaleSizes = { beancounters: 10_000, step: 1000 };
export const quickScaleSizes: ScaleSizes = { beancounters: 30, step: 10 };

/** What a step takes is the median of so many parts of it. */
const CHUNKS = 10;

const LISTINGS = 5;

export async function scale({ beancounters, step }: ScaleSizes): Promise<Report> {
  const processes = new Processes();
  try {
    // On one CPU, for what is compared is the tree, not who wakes whom.
    const cpu = firstCpu();
    const { mountpoint, pid } = await processes.bcfs({ cpu });
    const client = processes.client({ cpu });
    // What V8 takes once and for all, for new objects, is not what a beancounter takes.
    const dir = `${mountpoint}/0`;
    const spare = `${mountpoint}/${beancounters + 1}`;
    await client.order({ kind: 'repeat', operation: 'mkdir+rmdir', dir, spare, times: 2 * step });
    const before = residentBytes(pid);
    const makings: number[] = [];
    for (let first = 1; first <= beancounters; first += step) {
      const chunks: number[] = [];
      for (let chunk = 0; chunk < CHUNKS; chunk += 1) {
        const times = step / CHUNKS;
        chunks.push(await client.order({ kind: 'make', mountpoint, first: first + chunk * times, times }));
      }
      makings.push(median(chunks));
    }
    const resident = (residentBytes(pid) - before) / beancounters;
    const listings: number[] = [];
    for (let turn = 0; turn < LISTINGS; turn += 1) {
      listings.push((await client.order({ kind: 'list', path: mountpoint })) / 1e6);
    }
    const [first = NaN] = makings;
    const last = makings.at(-1) ?? NaN;
    const heap = heapBytes(beancounters);
    return {
      part: 'scale',
      tables: [
        {
          title: `scale: µs per mkdir, ${beancounters} in steps of ${step}`,
          columns: ['up to', 'µs'],
          rows: makings.map((nanoseconds, index) => [(index + 1) * step, nanoseconds / 1000]),
        },
      ],
      figures: [
        { what: 'rate of the last step against the first', value: first / last, unit: 'times', atLeast: 0.8 },
        { what: 'memory of the daemon, each (RSS)', value: resident, unit: 'bytes', atMost: 3072 },
        { what: 'heap of engine and tree, each', value: heap, unit: 'bytes', atMost: 3072 },
        { what: 'ls of the mount', value: median(listings), unit: 'ms', atMost: 1000 },
      ],
    };
  } finally {
    await processes.end();
  }
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
