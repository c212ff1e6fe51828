/** The beancounters of this machine's tasks as a tree: what `bcfs <mountpoint>` mounts and `bcfs sh` walks. */
import { performance } from 'node:perf_hooks';
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { Registry } from '../bc/registry.js';
import { taskSource } from '../bc/task-source.js';
import { Tasks } from '../bc/tasks.js';
import type { Tree } from '../configfs/tree.js';
import { BcfsError } from '../errors.js';
import { addressSharers } from '../host/address-sharers.js';
import type { MachineOptions } from '../host/groups.js';
import { LiveHost } from '../host/live-host.js';
import { findMachine } from '../host/machine.js';
import { samplingCalls } from '../host/native.js';
import { kernelPressure } from '../host/oom.js';
import { ProcfsTasks } from '../host/procfs-tasks.js';
import { readBelongings } from '../host/process-reader.js';
import type { HostEvent, HostRequest } from '../host/report.js';
import type { Sample, SamplerLink } from '../host/sampling.js';
import { beancounterTree } from '../nodes/subsystem.js';
import { geteuid } from '../user.js';
import type { MountSettings } from './mount-options.js';

export interface HostTree {
  readonly tree: Tree;
  /** To be called when the sampler, or whoever asks, has woken the thread that the tree lives on. */
  look(): void;
  /**
   * To be called about once a second, by the thread that the tree lives on.
   *
   * @returns whether it has to be called again before something is asked, or has woken the thread
   */
  tick(): boolean;
  /** Answers `bcfs status` and its kin. @throws BcfsError ENOTSUP if no task is followed */
  answer(request: HostRequest): unknown;
  /** Leaves what has tasks as it is, for the next daemon to find. */
  close(): void;
}

/** How live tasks are followed. */
export interface LiveOrder {
  readonly machine: MachineOptions;
  /** To the thread that samples. */
  readonly sampler: MessagePort;
  /** Of `SamplerOrder`. */
  readonly done: SharedArrayBuffer;
  readonly statePath: string;
  /** Of the daemon. */
  readonly pid: number;
}

/** @param log takes one line about something that should not have happened */
export function hostTree(settings: MountSettings, log: (line: string) => void): HostTree {
  const { uid, gid, trust } = settings;
  const registry = new Registry({ log });
  const tasks = new Tasks(registry);
  const host = new ProcfsTasks(tasks);
  const find = (pid: number) => host.find(pid);
  const source = taskSource(tasks, find, (bc) => host.reapOf(bc));
  const tree = beancounterTree(registry, {
    uid,
    gid,
    dialect: dialectOf(settings),
    source,
    mover: geteuid(),
    trust,
    log,
  });
  return {
    tree,
    look: () => undefined,
    tick: () => host.reap(),
    answer: () => {
      throw new BcfsError('ENOTSUP', 'no task is followed: it was mounted with --host none');
    },
    close: () => undefined,
  };
}

/**
 * The tree of live tasks, restored from what a daemon before has left.
 *
 * @throws BcfsError EPERM if cgroups were asked for and none can be written
 */
export function liveTree(
  settings: MountSettings,
  order: LiveOrder,
  log: (line: string) => void,
  onEvent: (event: HostEvent) => void,
): HostTree {
  const { uid, gid, interval, cgroup, oom, trust } = settings;
  const calls = samplingCalls();
  const host = new LiveHost({
    machine: findMachine(order.machine),
    sampler: samplerLink(order),
    readBelongings,
    sharersOf: (pid) => addressSharers('/proc', pid, (one, other) => calls.sharesMemory(one, other)),
    exists: (tgid, tid) => calls.exists(tgid, tid),
    statePath: order.statePath,
    directory: cgroup,
    interval,
    log,
    onEvent,
    ownPids: [order.pid],
    pressure: oom ? kernelPressure() : undefined,
  });
  const registry = new Registry({ resources: host.resources, log });
  const tree = beancounterTree(registry, {
    uid,
    gid,
    dialect: dialectOf(settings),
    source: host,
    mover: geteuid(),
    trust,
    log,
  });
  host.restore(registry, (id) => mustMake(tree, id));
  return {
    tree,
    look: () => host.look(),
    tick: () => host.tick(),
    answer: (request) => host.answer(request),
    close: () => host.close(),
  };
}

function dialectOf({ strict }: MountSettings) {
  return strict ? 'strict' : 'people';
}

function mustMake(tree: Tree, id: number): void {
  const made = tree.mkdir(tree.root, String(id));
  if (typeof made === 'number') throw new Error(`mkdir ${id}: errno ${made}`);
}

/** How long a move may wait for the limits of the task that was moved, in milliseconds. */
const SETTLE_TIME = 200;

/** What has come is taken when somebody looks. */
function samplerLink({ sampler: port, done }: LiveOrder): SamplerLink {
  const count = new Int32Array(done);
  let posted = 0;
  return {
    announce: () => void Atomics.store(count, 1, posted + 1),
    post: (request) => {
      posted += 1;
      port.postMessage(request);
    },
    settle: () => {
      const end = performance.now() + SETTLE_TIME;
      for (let seen; (seen = Atomics.load(count, 0)) < posted && performance.now() < end;) {
        Atomics.wait(count, 0, seen, end - performance.now());
      }
    },
    take: () => {
      const samples: Sample[] = [];
      for (let received; (received = receiveMessageOnPort(port) as { message: Sample } | undefined);) {
        samples.push(received.message);
      }
      return samples;
    },
  };
}
