/**
 * Who uses a mount: a process of its own, which the server never waits for. It takes an order at a time over its
 * IPC channel and answers with what it found.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { time } from './measure.js';

const buffer = Buffer.alloc(4096);

function readFile(path: string): void {
  const fd = openSync(path, 'r');
  readSync(fd, buffer);
  closeSync(fd);
}

/** What `echo 100 >` does. */
function writeFile(path: string): void {
  const fd = openSync(path, 'w');
  writeSync(fd, '100\n');
  closeSync(fd);
}

/** Each on the path that `pathOf` has for it. client.c has the same ones; its stat is one that the server answers. */
export const operations = {
  'open-read-close': readFile,
  'read to the end': (path: string) => void readFileSync(path),
  write: writeFile,
  'mkdir+rmdir': (path: string) => {
    mkdirSync(path);
    rmdirSync(path);
  },
  readdir: (path: string) => void readdirSync(path),
  stat: (path: string) => void statSync(path),
};

export type Operation = keyof typeof operations;

const paths: Readonly<Record<Operation, (dir: string, spare: string) => string>> = {
  'open-read-close': (dir) => `${dir}/numtasks/held`,
  'read to the end': (dir) => `${dir}/numtasks/held`,
  write: (dir) => `${dir}/numtasks/barrier`,
  'mkdir+rmdir': (_, spare) => spare,
  readdir: (dir) => `${dir}/numtasks`,
  stat: (dir) => `${dir}/numtasks/held`,
};

/**
 * @param dir of a beancounter that is there
 * @param spare the directory of one that is not
 */
export function pathOf(operation: Operation, dir: string, spare: string): string {
  return paths[operation](dir, spare);
}

/** Do one operation a number of times. The answer: nanoseconds of all, and of each. */
export interface RepeatOrder {
  readonly kind: 'repeat';
  readonly operation: Operation;
  readonly path: string;
  readonly times: number;
}

/** Make directories `first`, `first + 1`, …, or remove them. The answer: nanoseconds for each. */
export interface MakeOrder {
  readonly kind: 'make' | 'remove';
  readonly mountpoint: string;
  readonly first: number;
  readonly times: number;
}

/** Make `dir`, and do all operations in turn until told to stop. The answers: how many were done, once a second. */
export interface LoadOrder {
  readonly kind: 'load';
  readonly dir: string;
  readonly spare: string;
}

/**
 * Do what innocent programs do, without a mount: read a file, fill a mebibyte and sum it up, start a process. The
 * answer: how often in a second.
 */
export interface WorkOrder {
  readonly kind: 'work';
  readonly milliseconds: number;
}

export type Order = RepeatOrder | MakeOrder | LoadOrder | WorkOrder;

/** What a client answers. */
export interface Answer {
  readonly value: number;
  readonly each?: readonly number[];
  /** Why it is not a number. */
  readonly error?: string;
}

/** Between two looks at the clock, and at whether to stop. */
const BATCH = 2;

const perform: {
  repeat: (order: RepeatOrder) => readonly number[];
  make: (order: MakeOrder) => number;
  remove: (order: MakeOrder) => number;
  load: (order: LoadOrder) => number;
  work: (order: WorkOrder) => number;
} = {
  repeat({ operation, path, times }) {
    const call = operations[operation];
    return Array.from({ length: times }, () => time(() => call(path)));
  },
  make: ({ mountpoint, first, times }) => timeEach(first, times, (id) => mkdirSync(`${mountpoint}/${id}`)),
  remove: ({ mountpoint, first, times }) => timeEach(first, times, (id) => rmdirSync(`${mountpoint}/${id}`)),
  load({ dir, spare }) {
    mkdirSync(dir);
    let done = 0;
    const calls = (Object.keys(operations) as Operation[]).map((operation) => {
      const path = pathOf(operation, dir, spare);
      return () => operations[operation](path);
    });
    const work = () => {
      try {
        for (let turn = 0; turn < BATCH; turn += 1) {
          for (const call of calls) call();
        }
        check(dir, `${1 + (done % 100)}\n`);
      } catch (error) {
        answer({ value: NaN, error: (error as Error).message });
        return;
      }
      done += BATCH * calls.length;
      setImmediate(work);
    };
    setInterval(() => {
      answer({ value: done });
      done = 0;
    }, 1000);
    setImmediate(work);
    return 0;
  },
  work({ milliseconds }) {
    const start = performance.now();
    let now = start;
    let rounds = 0;
    for (; now < start + milliseconds; now = performance.now()) {
      readFile('/proc/self/stat');
      createHash('sha1')
        .update(Buffer.alloc(1 << 20, 1))
        .digest();
      const { status } = spawnSync('true');
      if (status !== 0) throw new Error('the neighbour cannot start a process');
      rounds += 1;
    }
    return (rounds / (now - start)) * 1000;
  },
};

/** Nobody else uses the directory: so it must have what was written there, and hold nothing. */
function check(dir: string, value: string): void {
  const barrier = `${dir}/numtasks/barrier`;
  writeFileSync(barrier, value);
  const found = [barrier, `${dir}/numtasks/held`, `${dir}/id`].map((path) => readFileSync(path, 'utf8'));
  const wanted = [value, '0\n', `${basename(dir)}\n`];
  if (found.join('') !== wanted.join(''))
    throw new Error(`${dir}: ${JSON.stringify(found)} for ${JSON.stringify(wanted)}`);
}

function timeEach(first: number, times: number, call: (id: number) => void): number {
  return (
    time(() => {
      for (let id = first; id < first + times; id += 1) call(id);
    }) / times
  );
}

function answer(given: Answer): void {
  process.send?.(given);
}

if (process.send) {
  process.on('message', (order: Order) => {
    try {
      const found = perform[order.kind](order as never);
      answer(
        typeof found === 'number'
          ? { value: found }
          : { value: found.reduce((sum, one) => sum + one, 0), each: found },
      );
    } catch (error) {
      answer({ value: NaN, error: (error as Error).message });
    }
  });
  process.on('disconnect', () => process.exit());
}
