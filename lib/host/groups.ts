/**
 * What the kernel offers for groups of tasks: contracts that each kind of cgroup fulfils. The groups of beancounters
 * are named after their ids, below one directory of bcfs in each hierarchy.
 *
 * All calls are synchronous. Where a beancounter is named, its group is there, but for `make`. Beancounter 0 has no
 * group: its tasks are those that nobody moved.
 */

/** One hierarchy, in which each beancounter but 0 has a group of tasks. */
export interface Groups {
  /** `v1` takes single threads everywhere; `v2` where the group is threaded. */
  readonly version: 'v1' | 'v2';
  /** The controllers that are used in it; empty for one that only follows tasks. */
  readonly controllers: readonly Controller[];
  /** The directory below which the groups are. It is made with the first group, and removed with the last. */
  readonly directory: string;

  /** The ids of the groups that are there, in ascending order. */
  ids(): number[];

  /**
   * Makes a group; one that is there already is taken over, with its tasks, counts and limits.
   *
   * @throws BcfsError EACCES, EPERM, ENOSPC and whatever else mkdir(2) answers
   */
  make(id: number): void;

  /**
   * Removes a group, if it is there.
   *
   * @returns whether it has gone; false while a task is in it, one that was not waited for too
   */
  remove(id: number): boolean;

  /**
   * Moves a process with all its threads.
   *
   * @param id of a beancounter; 0: to the group that bcfs itself is in
   * @throws BcfsError ESRCH if there is none, EINVAL if the kernel takes no such task, EACCES, EPERM, ENOMEM, EBUSY
   */
  moveProcess(pid: number, id: number): void;

  /**
   * Moves one thread.
   *
   * @throws BcfsError as `moveProcess`; EOPNOTSUPP where the kernel moves whole processes only
   */
  moveThread(tid: number, id: number): void;

  /** The processes with a thread in a group: thread group ids, each once, in ascending order; zombies are not listed. */
  processes(id: number): number[];

  /** The threads in a group, in ascending order; zombies are not listed. */
  threads(id: number): number[];
}

export type Controller = 'pids' | 'memory';

/** Counts tasks, threads and those that were not waited for included. Source: the kernel's cgroup pids controller. */
export interface PidsController {
  /** Items. */
  current(id: number): number;
  /** The most there were, items; undefined where the kernel does not tell (before 6.1 or so). */
  peak(id: number): number | undefined;
  /** How many forks were refused since the group was made. */
  refused(id: number): number;
  /** Refuses forks at so many tasks; undefined: never. Kills nobody, and stops nobody from being moved in. */
  setMax(id: number, max: number | undefined): void;
  /** What `setMax` set, read back. */
  max(id: number): number | undefined;
}

/** Counts and bounds memory. */
export interface MemoryController {
  /** Resident pages: anonymous ones and mapped ones of files. */
  resident(id: number): number;
  /** Kernel memory, bytes; undefined where the kernel does not tell. */
  kernel(id: number): number | undefined;
  /** The most kernel memory there was, bytes; undefined where the kernel does not tell. */
  kernelPeak(id: number): number | undefined;
  /**
   * Bounds all memory of a group. Reclaims first; where that is not enough, nothing changes. On v2 the tasks of the
   * group stand still meanwhile. It may take as long as the reclaiming does.
   *
   * @param bytes rounded down to a multiple of the page size; undefined: no bound
   * @throws BcfsError ENOMEM if what is held cannot be brought below it
   */
  setLimit(id: number, bytes: number | undefined): void;
  /** What `setLimit` set, read back, bytes: a multiple of the page size; undefined: no bound. */
  limit(id: number): number | undefined;
  /** From here on the kernel reclaims, and on v2 slows down. @param bytes undefined: nowhere */
  setBarrier(id: number, bytes: number | undefined): void;
  /** How many tasks of the group the kernel has killed for want of memory. */
  killed(id: number): number;
  /** How often the limit was hit. */
  refused(id: number): number;
  /** All that is charged, bytes: what `setLimit` bounds. */
  usage(id: number): number;
}

/** Has somebody else than the kernel decide what happens when memory is out. v1 only: v2 has no such thing. */
export interface OomControl {
  /**
   * Whether the kernel kills a task of the group at its limit, as it does at first. Where it does not, a task that
   * needs memory sleeps until the limit is raised, or others give memory back, or it is killed.
   */
  setKernelKills(id: number, on: boolean): void;
  /** Whether a task of the group sleeps so. */
  isUnderOom(id: number): boolean;
  /**
   * Makes an eventfd readable whenever memory is out, and when the group is removed.
   *
   * @param eventfd a descriptor of eventfd(2); who closes it is told no more
   */
  tell(id: number, eventfd: number): void;
}

/** What a machine offers, and which of it is used. */
export interface Machine {
  /** Every hierarchy that a move is to be made in, in that order: v1's memory first. */
  readonly hierarchies: readonly Groups[];
  /** The one of them that tells which tasks are in a beancounter; undefined: only /proc does. */
  readonly members: Groups | undefined;
  readonly pids: PidsController | undefined;
  readonly memory: MemoryController | undefined;
  /** With v1's memory controller. */
  readonly oom?: OomControl | undefined;
  /** For `bcfs status`: `cgroup v1`, `cgroup v2`, `cgroup v1 and v2`, `named hierarchy`, `/proc`. */
  readonly kind: string;
}

export interface MachineOptions {
  /** `auto` takes what there is; `cgroup` throws where no hierarchy can be written; `procfs` takes none. */
  readonly host: 'auto' | 'cgroup' | 'procfs';
  /** The name of bcfs's own directory in each hierarchy. */
  readonly cgroup: string;
  /** In front of `/proc` and of each mountpoint in it: for recorded trees. Default: ''. */
  readonly root?: string;
}
