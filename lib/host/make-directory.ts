/** The directory that a daemon's files are in. */
import { mkdirSync, statSync } from 'node:fs';

/**
 * Makes a directory if there is none. Not with its parents: where the kernel makes none, as in /proc, Node's recursive
 * mkdir tries for ever.
 *
 * @throws an Error of Node's: EEXIST if it is a file, ENOENT if its parent is not there, and whatever mkdir(2) refuses
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}
