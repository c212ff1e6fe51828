/** `bcfs umount <mountpoint>`. The daemon sees it and ends. */
import { realMountpoint, unmountPath } from '../fuse/mount.js';
import { absolutePath } from './absolute-path.js';
import { fail, failureOf } from './exit.js';

export async function umountCommand(mountpoint: string, flags: { lazy?: true }): Promise<void> {
  try {
    unmountPath(await realMountpoint(absolutePath(mountpoint)), flags.lazy ?? false);
  } catch (error) {
    fail(failureOf(error));
  }
}
