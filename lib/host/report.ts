/**
 * What a host tells of itself to `bcfs status`, `ps`, `which` and `events`: contracts between the thread that the tree
 * lives on and whoever asks, in JSON.
 */

/** Where a reading comes from, and so how far it can be trusted. */
export type Exactness =
  /** The kernel's own count of now. */
  | 'kernel'
  /** Read process by process, as old as the sampling interval. */
  | 'sampled'
  /** Neither counts exactly what v6 counts: see the note. */
  | 'estimated'
  /** Nothing on this machine tells. */
  | 'unknown';

/** What is known about one resource on this machine. */
export interface ResourceStatus {
  /** `numtasks` and its kin. */
  readonly resource: string;
  readonly unit: string;
  /** The source of held, for people: `pids.current (cgroup v1)`. */
  readonly source: string;
  readonly exactness: Exactness;
  /** What holds the limit, for people: `pids.max`; `nothing` where the limit is only counted against. */
  readonly limit: string;
  /** Whether the limit is `exact`, `approximate`, or held by `nobody`. */
  readonly enforcement: 'exact' | 'approximate' | 'nobody';
  /** How far off it can be, in a sentence; '' for not at all. */
  readonly note: string;
}

export interface Status {
  /** `cgroup v1`, `/proc` and so on, as `Machine.kind`; `none` where no task is followed. */
  readonly host: string;
  /** The directories below which the groups are. */
  readonly directories: readonly string[];
  /** Seconds between two samples. */
  readonly interval: number;
  /** Milliseconds of CPU that the last sample took; undefined before the first. */
  readonly cost: number | undefined;
  /** How many beancounters live, and how many of them have no directory any more. */
  readonly beancounters: number;
  readonly unseen: number;
  readonly resources: readonly ResourceStatus[];
}

/** One process in a beancounter other than 0. */
export interface ProcessEntry {
  readonly pid: number;
  /** How many threads of it are in the beancounter. */
  readonly threads: number;
  readonly beancounter: number;
  /** Its command line, or its name in brackets where it has none. */
  readonly command: string;
}

/** What happened to a beancounter. */
export interface HostEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly beancounter: number;
  readonly resource: string;
  readonly event:
    | 'barrier-hit'
    /** A charge was refused; value: how many since the last such event. */
    | 'refused'
    /** Tasks were killed for want of memory; value: the pid, where bcfs chose it, else how many the kernel killed. */
    | 'killed'
    /** A change of parameters was refused; value: the limit that was asked for. */
    | 'parameter';
  readonly value: number;
}

/** What a host can be asked. */
export type HostRequest =
  | { readonly ask: 'status' }
  | { readonly ask: 'ps' }
  /** The beancounter of a task; an error with the code ESRCH if there is none. */
  | { readonly ask: 'which'; readonly pid: number }
  /**
   * Charges the first thread of a process that was moved in to the beancounter that it is in, as if it had been forked
   * there: for one that is about to execute a program, as `bcfs run` is. Errors have the codes ESRCH and ENOMEM, which
   * is v6's for a fork that numtasks refuses.
   */
  | { readonly ask: 'charge'; readonly pid: number }
  /** Moves all tasks to beancounter 0 and removes the groups: `bcfs umount --drop`. EBUSY if it cannot. */
  | { readonly ask: 'drop' };

/** The answer: by what was asked. */
export interface HostAnswers {
  readonly status: Status;
  readonly ps: readonly ProcessEntry[];
  readonly which: number;
  readonly charge: null;
  readonly drop: null;
}
