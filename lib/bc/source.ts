/**
 * What feeds an engine from outside: the tasks of a machine, say. A tree asks it where a program's own charges do not
 * tell what is held. Nothing here knows what is behind it.
 */
import type { Caller } from '../errors.js';
import type { Beancounter } from './beancounter.js';
import type { Counter } from './counter.js';

/** What is not the program's own to know: what is held, was held at most, and was refused. */
export type Figure = 'held' | 'maxheld' | 'failcnt';

export interface Source {
  /**
   * Moves every task that shares the address space of a task: v6's `tasks`.
   *
   * @param pid of any of them; 0 is the caller itself
   * @param caller who asks; undefined where nobody knows
   * @throws BcfsError ESRCH if there is no such task, EINVAL for a kernel thread, EPERM for another user's, EBUSY for
   * one that must stay where it is
   */
  move(pid: number, bc: Beancounter, caller: Caller | undefined): void;

  /** Moves one task: v6's `threads`. Parameters and errors as `move` has them. */
  moveThread(tid: number, bc: Beancounter, caller: Caller | undefined): void;

  /** Brings a figure up to now, before it is shown, and the others or not. Never throws. */
  refresh?(counter: Counter, figure: Figure): void;

  /**
   * Is told of a beancounter that a mkdir is about to find: puts what is not held any more, so that it is not found for
   * the sake of that.
   */
  beforeFound?(bc: Beancounter): void;

  /** Is told of a beancounter whose directory is about to go, which still holds its reference. */
  beforeDropped?(bc: Beancounter): void;
}
