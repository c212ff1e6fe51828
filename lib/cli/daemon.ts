/** The daemon: a process of its own, started by `bcfs <mountpoint>`, which tells it what to mount. */
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { failureOf, type Failure } from './exit.js';
import type { Order } from './serve.js';

/** Those below are input, output, errors and the channel to the parent. */
const FIRST_OTHER = 4;
/** The bit 02000000 of a descriptor's flags, as /proc/PID/fdinfo shows them. */
const O_CLOEXEC = /^flags:\s*[0-7]*[2367][0-7]{6}$/m;

/** What the daemon answers, once: undefined when the mount answers. */
export interface Report {
  readonly failure: Failure | undefined;
}

/** @param done called when it has gone out, with an error if there is nobody any more who waits for it */
function report(failure: Failure | undefined, done: (error: Error | null) => void): void {
  process.send?.({ failure } satisfies Report, done);
}

/** What the command's caller left open for his children is not for a daemon: a pipe would never end, a lock never go. */
function closeInherited(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd >= FIRST_OTHER && !closesOnExec(fd)) closeSync(fd);
  }
}

/** All that Node opens for itself does. */
function closesOnExec(fd: number): boolean {
  try {
    return O_CLOEXEC.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  } catch {
    return true; // the descriptor that listed the directory
  }
}

/** Loads what serves only now, so that it can be said why it does not load: for want of descriptors, say. */
async function run(order: Order): Promise<never> {
  const { serve } = await import('./serve.js').catch((error: unknown) => {
    throw new Error(`the daemon cannot serve it: ${(error as Error).message}`, { cause: error });
  });
  return serve(order, true, () =>
    report(undefined, (error) => {
      if (error) process.kill(process.pid, 'SIGTERM');
      else process.disconnect();
    }),
  );
}

process.once('message', (order: Order) => {
  closeInherited();
  run(order).catch((error: unknown) => {
    const failure = failureOf(error);
    // Not before it has gone out, and then at once: libfuse may have been loaded.
    report(failure, () => process.exit(failure.exitCode));
  });
});
