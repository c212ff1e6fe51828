/**
 * Asking for the next request for a moment before sleeping until there is one: the next one of the same client comes
 * sooner than a thread wakes on another CPU.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';

/** How long, in milliseconds. */
export const SPIN = 0.06;

/** Keeps the event loop of this thread from sleeping for so long after each request. */
export class SpinningLoop {
  readonly #clock: () => number;
  #until = 0;
  #isSpinning = false;

  /** @param clock milliseconds */
  constructor(clock = () => performance.now()) {
    this.#clock = clock;
  }

  /** Undefined where client and server share one CPU: the client would wait for the one that spins. */
  static ifUseful(): SpinningLoop | undefined {
    return availableParallelism() > 1 ? new SpinningLoop() : undefined;
  }

  /** A request was answered. */
  answered(): void {
    this.#until = this.#clock() + SPIN;
    if (this.#isSpinning) return;
    this.#isSpinning = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isSpinning = this.#clock() < this.#until;
    if (this.#isSpinning) setImmediate(this.#turn);
  };
}
