/** Times an operation on a mount: by the client in C, or where there is no compiler by clients of Node. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Operation } from './client.js';
import { median, quantile } from './measure.js';
import { pinned, type Client, type Processes } from './processes.js';
import { build } from './programs.js';

const run = promisify(execFile);

export interface Timing {
  /** Nanoseconds of one operation, as the next. */
  readonly median: number;
  readonly p99: number;
  /** Operations per second of all clients together. */
  readonly rate: number;
}

export interface Work {
  readonly operation: Operation;
  /** A % in it is the number of the client, from 0. */
  readonly path: string;
  /** Of each client. */
  readonly times: number;
  /** How many at once. Default: one. */
  readonly clients?: number;
}

export type Timer = (work: Work) => Promise<Timing>;

/** @param cpu the one CPU that clients run on. Default: any */
export async function timer(processes: Processes, cpu?: number): Promise<Timer> {
  const program = await build(processes, 'client');
  return program === undefined ? nodeTimer(processes, cpu) : nativeTimer(program, cpu);
}

function nativeTimer(program: string, cpu: number | undefined): Timer {
  return async ({ operation, path, times, clients = 1 }) => {
    const [file = '', ...args] = pinned(cpu, [program, operation, path, String(times), String(clients)]);
    const { stdout } = await run(file, args);
    return JSON.parse(stdout) as Timing;
  };
}

function nodeTimer(processes: Processes, cpu: number | undefined): Timer {
  const crowd: Client[] = [];
  return async ({ operation, path, times, clients = 1 }) => {
    while (crowd.length < clients) crowd.push(processes.client(cpu === undefined ? {} : { cpu }));
    const all = await Promise.all(
      crowd
        .slice(0, clients)
        .map((client, number) =>
          client.repeat({ kind: 'repeat', operation, path: path.replace('%', String(number)), times }),
        ),
    );
    const each = all.flat();
    const rates = all.map((some) => (1e9 * some.length) / some.reduce((sum, one) => sum + one, 0));
    return {
      median: median(each),
      p99: quantile(each, 0.99),
      rate: rates.reduce((sum, rate) => sum + rate, 0),
    };
  };
}

/** What several rounds say: the median of each figure. */
export function middle(rounds: readonly Timing[]): Timing {
  return {
    median: median(rounds.map((round) => round.median)),
    p99: median(rounds.map((round) => round.p99)),
    rate: median(rounds.map((round) => round.rate)),
  };
}
