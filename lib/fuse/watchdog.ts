/**
 * Whether a thread that serves is stuck: at work on one thing for too long. The thread says when it begins and ends;
 * another, which can do something about it, looks now and then.
 */

/** What a thread is doing, in memory that it shares with whoever watches it. Even: nothing. Odd: something. */
export class Pulse {
  /** To be given to the other thread, whose own `Pulse` is made of it. */
  readonly shared: SharedArrayBuffer;
  readonly #count: Int32Array;

  constructor(shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#count = new Int32Array(shared);
  }

  /** Something begins, or it ends: by turns. */
  beat(): void {
    Atomics.add(this.#count, 0, 1);
  }

  /** Changes with each beat, and is odd while something is being done. */
  read(): number {
    return Atomics.load(this.#count, 0);
  }
}

/** How often to look at the most, in milliseconds, and so many times within the limit. */
const SHORTEST_LOOK = 1000;
const LOOKS = 8;

export class Watchdog {
  readonly #pulse: Pulse;
  readonly #limit: number;
  /** Milliseconds between two looks. */
  readonly #interval: number;
  readonly #stuck: () => void;
  readonly #timer: NodeJS.Timeout;
  #last = 0;
  #seen = 0;
  #since = 0;

  /**
   * Does not keep the process alive.
   *
   * @param limit milliseconds for which one thing may be done
   * @param stuck called once, when it has been
   */
  constructor(pulse: Pulse, limit: number, stuck: () => void) {
    this.#pulse = pulse;
    this.#limit = limit;
    this.#stuck = stuck;
    this.#interval = Math.max(SHORTEST_LOOK, limit / LOOKS);
    this.#timer = setInterval(() => this.look(performance.now()), this.#interval).unref();
  }

  /**
   * Looks once. A process that was stopped had all its threads stopped: so only as much time counts as passes between
   * two looks of a process that runs.
   *
   * @param now milliseconds of a clock that only goes forward
   */
  look(now: number): void {
    const step = Math.min(now - this.#last, this.#interval);
    this.#last = now;
    const count = this.#pulse.read();
    const isSame = count === this.#seen && count % 2 !== 0;
    this.#seen = count;
    this.#since = isSame ? this.#since + step : 0;
    if (this.#since < this.#limit) return;
    this.stop();
    this.#stuck();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
