/** A daemon that nobody asks: the CPU time that it takes. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startAll, type Contender } from './contenders.js';
import { Processes } from './processes.js';
import type { Report } from './report.js';

/** Seconds. */
export interface IdleSizes {
  /** Before. */
  readonly rest: number;
  readonly watched: number;
}

export const idleSizes: IdleSizes = { rest: 20, watched: 10 };
export const quickIdleSizes: IdleSizes = { rest: 0.1, watched: 0.1 };

const contenders: readonly Contender[] = ['dev-fuse', 'fuse-native'];

export async function idle({ rest, watched }: IdleSizes): Promise<Report> {
  const processes = new Processes();
  try {
    const servers = await startAll(processes, contenders);
    await delay(rest * 1000);
    const before = [...servers.values()].map(({ pid }) => cpuTicks(pid));
    await delay(watched * 1000);
    const after = [...servers.values()].map(({ pid }) => cpuTicks(pid));
    return {
      part: 'idle',
      tables: [],
      figures: [...servers.keys()].map((name, index) => ({
        what: `${name}, CPU in ${watched} s after ${rest} s of rest`,
        value: (after[index] ?? NaN) - (before[index] ?? NaN),
        unit: 'ticks of 10 ms',
        atMost: 0,
      })),
    };
  } finally {
    await processes.end();
  }
}

/** Of all threads, user and system. */
function cpuTicks(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold anything: utime and stime are the 14th and the 15th field.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
