/** The thread that samples: it reads processes, sets their limits, and posts what it read. */
import { readFileSync, writeSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { tryTo } from '../try-to.js';
import type { MachineOptions } from './groups.js';
import { findMachine } from './machine.js';
import { samplingCalls } from './native.js';
import { ProcReader } from './process-reader.js';
import { groupMembers, ProcfsMembers } from './procfs-members.js';
import { originalsFile } from './rlimit-originals.js';
import { Sampler } from './sampler.js';
import { sampleOn } from './sampling-loop.js';

/** What the thread is given. */
export interface SamplerOrder {
  readonly machine: MachineOptions;
  /** Seconds between two samples. */
  readonly interval: number;
  /** Where the limits that tasks had of their own are kept. */
  readonly originalsPath: string;
  /** To the thread of the tree. `SamplerRequest`s of the main thread come on the thread's own port. */
  readonly port: MessagePort;
  /**
   * 32 bits each: how many requests of the tree's thread the last sample was taken after, and how many that thread has
   * posted or is about to post.
   */
  readonly done: SharedArrayBuffer;
  /** An eventfd, made readable with each sample. */
  readonly wake: number;
}

/** CPU time of this thread so far, milliseconds. Source: the kernel's sched-stats.rst. */
function cpuTime(): number {
  return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;
}

// Nobody waits for it as for who serves: this thread alone comes later.
tryTo(() => setPriority(constants.priority.PRIORITY_BELOW_NORMAL));

const { machine, interval, originalsPath, port, done, wake } = workerData as SamplerOrder;
const count = new Int32Array(done);
/** What an eventfd adds up. */
const one = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const { members } = findMachine(machine);
// Half of the descriptors that this process may have.
const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
const reader = new ProcReader({ held: Math.min(4096, Math.floor(Number(most ?? 1024) / 2)) });
const sampler = new Sampler({
  members: members ? groupMembers(members) : new ProcfsMembers({ reader }),
  reader,
  calls: samplingCalls(),
  originals: originalsFile(originalsPath),
  cpu: cpuTime,
});
const onSample = (requests: number): void => {
  Atomics.store(count, 0, requests);
  Atomics.notify(count, 0);
  writeSync(wake, one);
};
const announced = () => Atomics.load(count, 1);
sampleOn([port, ...(parentPort ? [parentPort] : [])], sampler, interval * 1000, onSample, announced);
