/** The thread that a daemon's tree lives on with the transport dev-fuse, as the main thread sees it. */
import { closeSync } from 'node:fs';
import { Worker, type MessagePort } from 'node:worker_threads';
import { BcfsError } from '../errors.js';
import { eventfd, wake } from '../fuse/native.js';
import { Pulse } from '../fuse/watchdog.js';
import type { LiveOrder } from './host-tree.js';
import type { MountSettings } from './mount-options.js';

/** What the thread is given when it starts. */
export interface DeviceOrder {
  /** An eventfd that ends it. */
  readonly stop: number;
  /** The descriptor that lines of log and debug go to. */
  readonly stderr: number;
  /** As in `CarryOptions`. */
  readonly validity: number;
  readonly settings: MountSettings;
  /** How live tasks are followed, and the way to whoever asks; undefined: not at all. */
  readonly live: ThreadLiveOrder | undefined;
  /** As for `serve`. */
  readonly ownsSession: boolean;
  /** Of the `Pulse` that says whether it is at work. */
  readonly pulse: SharedArrayBuffer;
}

export interface ThreadLiveOrder extends LiveOrder {
  /** To a `HostConnection`. */
  readonly questions: MessagePort;
  /** An eventfd that says that a question has come. */
  readonly wake: number;
}

export class ServingThread {
  readonly pulse = new Pulse();
  /** Why it ended, if it was not told to. */
  failure: BcfsError | undefined;
  /** Resolves when it has ended, and with it what it served. */
  readonly ended: Promise<void>;
  readonly #stop = eventfd();
  readonly #thread: Worker;
  readonly #ready: Promise<void>;
  #fd: number | undefined;

  /** Starts it. It loads what it needs and makes the tree. */
  constructor(order: Omit<DeviceOrder, 'stop' | 'pulse'>) {
    const workerData: DeviceOrder = { ...order, stop: this.#stop, pulse: this.pulse.shared };
    const thread = new Worker(new URL('device-thread.js', import.meta.url), {
      workerData,
      transferList: order.live ? [order.live.sampler, order.live.questions] : [],
    });
    this.#thread = thread;
    thread.once('error', (error) => {
      this.failure = explain(error);
    });
    this.ended = new Promise((resolve) => {
      thread.once('exit', () => {
        // Or whoever uses the mount would wait for an answer for ever.
        if (this.#fd !== undefined) closeSync(this.#fd);
        this.#fd = undefined;
        resolve();
      });
    });
    this.#ready = new Promise((resolve, reject) => {
      thread.once('message', resolve);
      void this.ended.then(() => reject(this.failure ?? explain(new Error('its thread ended'))));
    });
    this.#ready.catch(() => undefined);
  }

  /**
   * Resolves when it has all that it needs to serve, and only waits for something to serve.
   *
   * @throws BcfsError that says what it lacks
   */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Has it serve a descriptor, which is its own from then on. */
  serve(fd: number): void {
    this.#fd = fd;
    this.#thread.postMessage(fd);
  }

  /** Whether it serves what it was given. */
  get isServing(): boolean {
    return this.#fd !== undefined;
  }

  /** Has it end. Resolves when it has. */
  async end(): Promise<void> {
    wake(this.#stop);
    // It waits for a descriptor, and looks at nothing else.
    if (!this.isServing) await this.#thread.terminate();
    await this.ended;
  }
}

function explain(error: Error & { code?: string }): BcfsError {
  const code = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'ENOMEM' : 'EIO';
  return new BcfsError(code, `the daemon cannot serve it: ${error.message}`, { cause: error });
}
