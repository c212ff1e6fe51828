/** What the examples that mount have in common: serve a tree on a directory until they are told to end. */
import { mount, type Tree } from 'bcfs';

/**
 * Mounts the tree, says so in a line, and ends the process when the mount has gone: after SIGINT (^C), SIGTERM or
 * SIGHUP, or after somebody's umount(8).
 *
 * This process answers whoever uses the mount. So it never uses the mount itself.
 */
export async function serve(tree: Tree, mountpoint: string): Promise<never> {
  try {
    const mounted = await mount(tree, mountpoint);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => void mounted.unmount(true));
    }
    console.log(`mounted on ${mounted.mountpoint}; end with ^C`);
    await mounted.gone;
    // At once, as Mount.unmount asks for.
    process.exit(0);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
