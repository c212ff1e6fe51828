/**
 * Whoever uses a mount waits for the one thread that serves it. Where many wait in line, that thread comes before others
 * until they do not; for one client alone it would only be in the way, for the two may share a CPU.
 */
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { tryTo } from '../try-to.js';

const { PRIORITY_HIGH, PRIORITY_NORMAL } = constants.priority;

/**
 * Has the calling thread run before others, or as they do, if this process may. Source: sched(7), "The nice value".
 *
 * @param ownsSession whether the session is the daemon's own: the kernel weighs it as one (sched(7), "The autogroup
 * feature")
 */
export function comeFirst(ownsSession: boolean, isFirst: boolean): void {
  // Without CAP_SYS_NICE it may not, and not every kernel has sessions weighed: then it is served as others are.
  const nice = isFirst ? PRIORITY_HIGH : PRIORITY_NORMAL;
  tryTo(() => setPriority(nice));
  if (ownsSession) tryTo(() => writeFileSync('/proc/self/autogroup', String(nice)));
}
