/**
 * What has to be read process by process: contracts between the thread that samples and the one that serves.
 *
 * The serving thread posts `SamplerRequest`s, the sampling thread posts `Sample`s; neither waits for the other.
 */

/** Barrier and limit as a task's limit can be set to them: items or pages, Infinity for unlimited. */
export interface Bounds {
  readonly barrier: number;
  readonly limit: number;
}

/** What the sampling thread is told, in the order in which it happened. */
export type SamplerRequest =
  /** A beancounter is there, or its parameters have changed. */
  | {
      readonly kind: 'beancounter';
      readonly id: number;
      readonly numfiles: Bounds;
      readonly privvmpages: Bounds;
    }
  /** A beancounter has gone. */
  | { readonly kind: 'gone'; readonly id: number }
  /**
   * A process was moved, or a thread of it. What it had before stays with whom it was charged to.
   *
   * @property before what it had open just before the move
   */
  | {
      readonly kind: 'moved';
      readonly pid: number;
      readonly from: number;
      readonly to: number;
      readonly before: Belongings;
    }
  /**
   * A process is about to call exec. Until it has, but for no more than `FULL_EVERY` samples, it is limited as if it had
   * but the files that exec leaves it.
   *
   * @property addressSpace tells whether it has; undefined if nothing tells
   */
  | { readonly kind: 'exec'; readonly pid: number; readonly addressSpace: string | undefined }
  /** Take a sample now rather than at the next interval. */
  | { readonly kind: 'sample' }
  /** Put every task's own limits back, take no more samples, and end. */
  | { readonly kind: 'end' };

/** What a process had just before it was moved: read by the thread that moves it. */
export interface Belongings {
  /** In clock ticks since boot, of its first thread: tells it from another process of the same pid. */
  readonly start: string;
  /** Its open descriptors, and where each leads. */
  readonly files: readonly (readonly [fd: number, target: string])[];
  /** Tells whether it has called exec since, and so given back all that it had mapped; undefined if nothing tells. */
  readonly addressSpace: string | undefined;
  /** Pages that privvmpages counts. */
  readonly privvmpages: number;
}

/**
 * What is held by the tasks of one beancounter: an estimate, each process as it was when it was read.
 *
 * How often a limit was hit is not in it: a task that is found at its limit may never have asked for more, and one that
 * asked a thousand times looks the same. What rlimits refuse nobody counts.
 */
export interface Reading {
  readonly id: number;
  /** Pages. */
  readonly privvmpages: number;
  /** Open files (`struct file`, each once), items. */
  readonly numfiles: number;
  /** Threads, items, zombies not counted; what numtasks is where no controller tells. */
  readonly tasks: number;
  /** Resident pages, shared ones counted in each process; what physpages is where no controller tells. */
  readonly resident: number;
}

export interface Sample {
  readonly kind: 'sample';
  readonly readings: readonly Reading[];
  /** Which beancounter each process is in that is in another than 0: [pid, id], for hosts without cgroups. */
  readonly members: readonly (readonly [pid: number, id: number])[] | undefined;
  /** CPU time that it took, milliseconds. */
  readonly cost: number;
}

/** The way to the thread that samples. */
export interface SamplerLink {
  /** Has it take no sample until the next request was posted, which must be at once: a move is about to be made. */
  announce(): void;
  post(request: SamplerRequest): void;
  /** The samples that have come since. Does not wait. */
  take(): readonly Sample[];
  /** Waits, not for long, until a sample was taken after all that was posted, and limits were set with it. */
  settle(): void;
}
