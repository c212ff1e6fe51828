/**
 * Whose the groups of one name are: one daemon's at a time. The lock is on a file beside the state file, and goes with
 * the daemon, however it ends.
 */
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { BcfsError } from '../errors.js';
import { lock } from '../fuse/native.js';
import { makeDirectory } from '../host/make-directory.js';

/**
 * Takes the groups of a name for this process.
 *
 * @param holder what is said to whoever comes later
 * @returns gives them up again
 * @throws BcfsError EBUSY if another daemon has them; whatever else keeps the file from being made
 */
export function lockGroups(directory: string, name: string, holder: string): () => void {
  makeDirectory(directory);
  const path = join(directory, `${name}.lock`);
  for (;;) {
    const fd = openSync(path, 'a+', 0o600);
    if (!lock(fd)) {
      closeSync(fd);
      const other = readFileSync(path, 'utf8').trim();
      throw new BcfsError(
        'EBUSY',
        `the groups ${JSON.stringify(name)} are those of the bcfs on ${other}; take others with: -o cgroup=NAME`,
      );
    }
    // Whoever had it may have taken the file away between the two calls: then it is nobody's lock.
    if (statSync(path, { throwIfNoEntry: false })?.ino !== fstatSync(fd).ino) {
      closeSync(fd);
      continue;
    }
    ftruncateSync(fd);
    writeSync(fd, `${holder}\n`);
    return () => {
      rmSync(path, { force: true });
      closeSync(fd);
    };
  }
}
