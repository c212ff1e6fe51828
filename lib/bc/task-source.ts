/** The tasks of an engine as what a tree moves. */
import { BcfsError } from '../errors.js';
import type { Beancounter } from './beancounter.js';
import type { Source } from './source.js';
import type { Task, Tasks } from './tasks.js';

/**
 * @param find gives the task of a pid or tid that was written; throws to refuse. Default: what `tasks` has
 * @param beforeFound as a Source has it. Default: nothing is to be put
 */
export function taskSource(
  tasks: Tasks,
  find: (pid: number) => Task | undefined = (pid) => tasks.find(pid),
  beforeFound: (bc: Beancounter) => void = () => undefined,
): Source {
  const must = (pid: number, caller: { readonly pid: number } | undefined): Task => {
    const named = pid === 0 && caller ? caller.pid : pid;
    const task = find(named);
    if (!task) throw new BcfsError('ESRCH', `no task ${named}`);
    return task;
  };
  return {
    move: (pid, bc, caller) => tasks.move(must(pid, caller), bc),
    moveThread: (tid, bc, caller) => tasks.moveThread(must(tid, caller), bc),
    beforeFound,
  };
}
