/** Paths as the user sees them, for a daemon whose directory is another, and for messages. */
import { exitCodes, fail } from './exit.js';

/** A path from the root; its `..` are left for the kernel to follow, and an empty one stays empty. */
export function absolutePath(path: string): string {
  if (path === '' || path.startsWith('/')) return path;
  try {
    return `${process.cwd()}/${path}`;
  } catch {
    return fail({ exitCode: exitCodes.NO_MOUNTPOINT, message: `${path}: the current directory is gone` });
  }
}
