/** What a daemon that follows live tasks has beside its mount: the groups of a name, a thread that samples, a socket. */
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel, Worker } from 'node:worker_threads';
import { BcfsError, describe } from '../errors.js';
import { eventfd, wake } from '../fuse/native.js';
import type { HostRequest } from '../host/report.js';
import type { SamplerRequest } from '../host/sampling.js';
import type { SamplerOrder } from '../host/sampler-thread.js';
import { controlDirectory, controlPath } from './control-protocol.js';
import { serveControl, type ControlServer } from './control-server.js';
import { lockGroups } from './groups-lock.js';
import { HostConnection } from './host-connection.js';
import type { HostName, MountSettings } from './mount-options.js';
import type { ThreadLiveOrder } from './serving-thread.js';

/** How long the sampler may take to put back what it has set, in milliseconds. */
const END_TIME = 5000;

export class LiveDaemon {
  /** For the thread that the tree lives on. */
  readonly order: ThreadLiveOrder;
  readonly #sampler: Worker;
  readonly #connection: HostConnection;
  readonly #unlock: () => void;
  #control: ControlServer | undefined;

  /**
   * Takes the groups, and starts to sample.
   *
   * @param log takes one line about what goes wrong later
   * @throws BcfsError EBUSY if another daemon has the groups
   */
  constructor(
    mountpoint: string,
    { cgroup, interval }: MountSettings,
    host: Exclude<HostName, 'none'>,
    log: (line: string) => void,
  ) {
    const directory = controlDirectory();
    this.#unlock = lockGroups(directory, cgroup, `${mountpoint} (pid ${process.pid})`);
    const machine = { host, cgroup };
    const done = new SharedArrayBuffer(8);
    const wakeup = eventfd();
    const samples = new MessageChannel();
    const questions = new MessageChannel();
    const workerData: SamplerOrder = {
      machine,
      interval,
      originalsPath: join(directory, `${cgroup}.rlimits`),
      port: samples.port1,
      done,
      wake: wakeup,
    };
    this.#sampler = new Worker(new URL('../host/sampler-thread.js', import.meta.url), {
      workerData,
      transferList: [samples.port1],
    });
    this.#sampler.on('error', (error) => log(`nothing is sampled any more: ${describe(error)}`));
    this.order = {
      machine,
      sampler: samples.port2,
      done,
      questions: questions.port2,
      wake: wakeup,
      statePath: join(directory, `${cgroup}.state`),
      pid: process.pid,
    };
    this.#connection = new HostConnection(
      questions.port1,
      () => this.wake(),
      (event) => this.#control?.event(event),
    );
  }

  /** Has the thread of the tree look at what was asked. */
  wake = (): void => wake(this.order.wake);

  /** Opens the socket for `bcfs status` and its kin. @param device of the mount */
  async listen(device: string): Promise<void> {
    this.#control = await serveControl(controlPath(device), (request) => this.#connection.ask(request));
  }

  /** Puts back what tasks had, and closes the socket. */
  async end(): Promise<void> {
    await this.#control?.close();
    const ended = once(this.#sampler, 'exit');
    this.#sampler.postMessage({ kind: 'end' } satisfies SamplerRequest);
    await Promise.race([ended, delay(END_TIME)]);
    this.#unlock();
  }
}

/** Opens the socket of a daemon that follows no tasks: whoever asks is told so. */
export async function listenWithoutTasks(device: string): Promise<void> {
  await serveControl(controlPath(device), refuse);
}

function refuse(request: HostRequest): Promise<never> {
  return Promise.reject(new BcfsError('ENOTSUP', `${request.ask}: no task is followed (--host none)`));
}
