/** What one sample of many processes costs: CPU time of the thread that samples, limits included. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { samplingCalls } from '../lib/host/native.js';
import { ProcReader } from '../lib/host/process-reader.js';
import { originalsFile } from '../lib/host/rlimit-originals.js';
import { FULL_EVERY, Sampler } from '../lib/host/sampler.js';
import { median } from './measure.js';
import type { Report } from './report.js';
import { SLEEPERS } from './sleepers.js';

export interface SampleSizes {
  readonly processes: number;
  readonly beancounters: number;
}

export const sampleSizes: SampleSizes = { processes: 1000, beancounters: 100 };
export const quickSampleSizes: SampleSizes = { processes: 10, beancounters: 2 };

/** For all to have run when they were woken, milliseconds. */
const WAKE_TIME = 200;

/** So many samples: each process is read in full in four of them. */
const SAMPLES = 4 * FULL_EVERY;

export async function sample({ processes, beancounters }: SampleSizes): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'bcfs-bench-'));
  const parent = await sleepers(processes);
  try {
    const pids = childrenOf(parent.pid ?? 0);
    const each = Math.ceil(pids.length / beancounters);
    const cpu = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    const sampler = new Sampler({
      members: {
        read: (ids) =>
          new Map(
            [...ids].map((id) => [id, { processes: pids.slice((id - 1) * each, id * each), tasks: each }]),
          ),
        move: () => undefined,
        pairs: () => undefined,
      },
      reader: new ProcReader(),
      calls: samplingCalls(),
      originals: originalsFile(join(dir, 'originals')),
      cpu,
    });
    const numfiles = { barrier: 256, limit: 512 };
    const privvmpages = { barrier: 1e6, limit: 1e6 };
    for (let id = 1; id <= beancounters; id += 1)
      sampler.handle({ kind: 'beancounter', id, numfiles, privvmpages });
    const first = sampler.sample().cost;
    for (let turn = 0; turn < FULL_EVERY; turn += 1) sampler.sample();
    const costs = Array.from({ length: SAMPLES }, () => sampler.sample().cost);
    const busy: number[] = [];
    for (let turn = 0; turn < FULL_EVERY; turn += 1) {
      for (const pid of pids) process.kill(pid, 'SIGUSR1');
      await delay(WAKE_TIME);
      busy.push(sampler.sample().cost);
    }
    sampler.handle({ kind: 'end' });
    return {
      part: 'sample',
      tables: [],
      figures: [
        { what: `the first sample of ${pids.length} processes`, value: first, unit: 'ms' },
        { what: 'each sample after it, CPU, median', value: median(costs), unit: 'ms', atMost: 10 },
        { what: 'where each process has run since', value: median(busy), unit: 'ms' },
      ],
    };
  } finally {
    const ended = once(parent, 'exit');
    parent.stdin?.end();
    await ended;
    rmSync(dir, { recursive: true });
  }
}

/** A process with so many children that end with it. They sleep, and wake up for a moment at SIGUSR1. */
async function sleepers(count: number): Promise<ChildProcess> {
  const parent = spawn('perl', ['-e', SLEEPERS, String(count)], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(parent.stdout, 'data');
  return parent;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}
