/** `bcfs umount <mountpoint>`. The daemon sees it and ends. */
import { realMountpoint, unmountPath } from '../fuse/mount.js';
import { absolutePath } from './absolute-path.js';
import { ask, controlSocketOf } from './control-client.js';
import { fail, failureOf } from './exit.js';

export interface UmountFlags {
  /** Detaches it, in use or not. */
  readonly lazy?: true;
  /** Moves all tasks to beancounter 0 and removes the groups before. */
  readonly drop?: true;
}

export async function umountCommand(mountpoint: string, { lazy, drop }: UmountFlags): Promise<void> {
  try {
    if (drop) await ask(await controlSocketOf(mountpoint), { ask: 'drop' });
    unmountPath(await realMountpoint(absolutePath(mountpoint)), lazy ?? false);
  } catch (error) {
    fail(failureOf(error));
  }
}
