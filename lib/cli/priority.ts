/**
 * Whoever uses a mount waits for the one thread that serves it: where many do, that thread comes first. It sleeps
 * whenever nobody asks.
 */
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

const { PRIORITY_HIGH } = constants.priority;

/** Has the calling thread run before others, if this process may. Source: sched(7), "The nice value". */
export function comeFirst(): void {
  tryTo(() => setPriority(PRIORITY_HIGH));
}

/** The same for a session of its own, which the kernel weighs as one. Source: sched(7), "The autogroup feature". */
export function haveSessionComeFirst(): void {
  tryTo(() => writeFileSync('/proc/self/autogroup', String(PRIORITY_HIGH)));
}

/** Without CAP_SYS_NICE it may not; and not every kernel has sessions weighed. */
function tryTo(action: () => void): void {
  try {
    action();
  } catch {
    // It is served as others are.
  }
}
