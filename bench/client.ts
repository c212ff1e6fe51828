/**
 * Who uses a mount: a process of its own, which the server never waits for. It takes an order at a time over its
 * IPC channel and answers with what it found.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
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

/** Each on a beancounter whose directory is there; `spare` is the path of one that is not. */
export const operations = {
  'open+read+close': (dir: string) => readFile(`${dir}/numtasks/held`),
  'read to the end': (dir: string) => void readFileSync(`${dir}/numtasks/held`),
  'write (open to close)': (dir: string) => writeFile(`${dir}/numtasks/barrier`),
  'mkdir+rmdir': (_: string, spare: string) => {
    mkdirSync(spare);
    rmdirSync(spare);
  },
  readdir: (dir: string) => void readdirSync(`${dir}/numtasks`),
  stat: (dir: string) => void statSync(`${dir}/numtasks/held`),
};

export type Operation = keyof typeof operations;

/** Do one operation a number of times. The answer: nanoseconds for each. */
export interface RepeatOrder {
  readonly kind: 'repeat';
  readonly operation: Operation;
  readonly dir: string;
  readonly spare: string;
  readonly times: number;
}

/** Make directories `first`, `first + 1`, … The answer: nanoseconds for each. */
export interface MakeOrder {
  readonly kind: 'make';
  readonly mountpoint: string;
  readonly first: number;
  readonly times: number;
}

/** Read a directory. The answer: nanoseconds. */
export interface ListOrder {
  readonly kind: 'list';
  readonly path: string;
}

/** Make `dir`, and do all operations in turn until told to stop. The answers: how many were done, once a second. */
export interface LoadOrder {
  readonly kind: 'load';
  readonly dir: string;
  readonly spare: string;
}

export type Order = RepeatOrder | MakeOrder | ListOrder | LoadOrder;

/** What a client answers. */
export interface Answer {
  readonly value: number;
  /** Why it is not a number. */
  readonly error?: string;
}

/** Between two looks at the clock, and at whether to stop. */
const BATCH = 2;

const perform: { readonly [K in Order['kind']]: (order: Extract<Order, { kind: K }>) => number } = {
  repeat({ operation, dir, spare, times }) {
    const call = operations[operation];
    return (
      time(() => {
        for (let done = 0; done < times; done += 1) call(dir, spare);
      }) / times
    );
  },
  make({ mountpoint, first, times }) {
    return (
      time(() => {
        for (let id = first; id < first + times; id += 1) mkdirSync(`${mountpoint}/${id}`);
      }) / times
    );
  },
  list: ({ path }) => time(() => void readdirSync(path)),
  load({ dir, spare }) {
    mkdirSync(dir);
    let done = 0;
    const work = () => {
      try {
        for (let turn = 0; turn < BATCH; turn += 1) {
          for (const call of Object.values(operations)) call(dir, spare);
        }
      } catch (error) {
        answer({ value: NaN, error: (error as Error).message });
        return;
      }
      done += BATCH * Object.keys(operations).length;
      setImmediate(work);
    };
    setInterval(() => {
      answer({ value: done });
      done = 0;
    }, 1000);
    setImmediate(work);
    return 0;
  },
};

function answer(given: Answer): void {
  process.send?.(given);
}

if (process.send) {
  process.on('message', (order: Order) => {
    try {
      answer({ value: perform[order.kind](order as never) });
    } catch (error) {
      answer({ value: NaN, error: (error as Error).message });
    }
  });
  process.on('disconnect', () => process.exit());
}
