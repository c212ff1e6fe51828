/** The daemon: a process of its own, started by `bcfs <mountpoint>`, which tells it what to mount. */
import { failureOf, type Failure } from './exit.js';
import type { MountSettings } from './mount-options.js';
import { serve } from './serve.js';

/** What the parent sends. */
export interface Order {
  readonly mountpoint: string;
  readonly settings: MountSettings;
}

/** What the daemon answers, once: undefined when the mount answers. */
export interface Report {
  readonly failure: Failure | undefined;
}

function report(failure: Failure | undefined, done: () => void): void {
  process.send?.({ failure } satisfies Report, done);
}

process.once('message', ({ mountpoint, settings }: Order) => {
  serve(mountpoint, settings, () => report(undefined, () => process.disconnect())).catch((error: unknown) => {
    const failure = failureOf(error);
    // Not before it has gone out, and then at once: libfuse may have been loaded.
    report(failure, () => process.exit(failure.exitCode));
  });
});
