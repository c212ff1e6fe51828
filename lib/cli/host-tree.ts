/** The beancounters of this machine's tasks as a tree: what `bcfs <mountpoint>` mounts and `bcfs sh` walks. */
import { Registry } from '../bc/registry.js';
import { taskSource } from '../bc/task-source.js';
import { Tasks } from '../bc/tasks.js';
import type { Tree } from '../configfs/tree.js';
import { ProcfsTasks } from '../host/procfs-tasks.js';
import { beancounterTree } from '../nodes/subsystem.js';
import type { MountSettings } from './mount-options.js';

export interface HostTree {
  readonly tree: Tree;
  readonly host: ProcfsTasks;
}

/** @param log takes one line about something that should not have happened */
export function hostTree({ uid, gid, strict }: MountSettings, log: (line: string) => void): HostTree {
  const registry = new Registry({ log });
  const tasks = new Tasks(registry);
  const host = new ProcfsTasks(tasks);
  const tree = beancounterTree(registry, {
    uid,
    gid,
    dialect: strict ? 'strict' : 'people',
    source: taskSource(
      tasks,
      (pid) => host.find(pid),
      (bc) => host.reapOf(bc),
    ),
    log,
  });
  return { tree, host };
}
