/** Serving a mount until it ends: what the daemon and the foreground command have in common. */
import { setTimeout as delay } from 'node:timers/promises';
import { format } from 'node:util';
import type { BcfsError } from '../errors.js';
import { mountDevice } from '../fuse/device.js';
import { mountWith, type Mount } from '../fuse/mount.js';
import { divertStderr, exitNow, restoreStderr } from '../fuse/native.js';
import { chosenTransport, type Carry, type TransportChoice, type TransportName } from '../fuse/transport.js';
import { Watchdog, type Pulse } from '../fuse/watchdog.js';
import { exitCodes, failureOf } from './exit.js';
import { guard } from './guardian.js';
import { logTo } from './log.js';
import type { MountSettings } from './mount-options.js';
import { ServingThread } from './serving-thread.js';

/** How often to look for moved tasks that have ended, in milliseconds. */
const REAP_INTERVAL = 1000;

/** How long to wait before the next try to unmount, in milliseconds. */
const RETRY_INTERVAL = 500;

/** How long what served a mount may take to end when the mount has gone, in milliseconds. */
const END_TIME = 5000;

/** Seconds: nobody changes the daemon's tree but through its mount. */
const VALIDITY = 24 * 60 * 60;

/** What is to be served. The daemon gets it as a message. */
export interface Order {
  readonly mountpoint: string;
  readonly settings: MountSettings;
  readonly transport: TransportChoice;
}

/** Mounts, calls `ready`, and ends the process when the mount has gone or a signal has asked for it. */
export async function serve({ mountpoint, settings, transport }: Order, ready: () => void): Promise<never> {
  // libfuse writes to descriptor 2 whatever it likes.
  const stderr = divertStderr();
  const log = logTo(stderr);
  const server = servers[chosenTransport(transport)](settings, stderr);
  const { ro, allowOther, nonempty, flags, autoUnmount, watchdog } = settings;
  const mounting = mountWith(server.carry, mountpoint, {
    ro,
    allowOther,
    nonempty,
    flags,
    validity: VALIDITY,
    ownsProcess: true,
    log,
  });
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> => (ending ??= unmount(mounting, log));
  // While it mounts too: a signal that ended the process then would leave a dead mount.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
  const mounted = await mounting.catch((error: unknown) => {
    restoreStderr(stderr);
    throw server.failure() ?? error;
  });
  const guardian = autoUnmount ? guard(mounted.entry, log) : undefined;
  if (server.pulse && watchdog > 0) {
    new Watchdog(server.pulse, watchdog * 1000, () => {
      log(`${mounted.mountpoint}: a request was not answered for ${watchdog} s; ${mounted.abort()}`);
      guardian?.dismiss();
      exitNow(exitCodes.NO_ANSWER);
    });
  }
  // Whoever uses the mount must not be left waiting for an answer, so it goes before the process does.
  process.on('uncaughtException', (error) => {
    log(format(error));
    process.exitCode = exitCodes.FAILURE;
    void end().finally(() => process.exit());
  });
  ready();
  await mounted.gone;
  guardian?.dismiss();
  const isEnded = await Promise.race([server.end().then(() => true), delay(END_TIME, false)]);
  const failure = server.failure();
  if (failure) {
    log(`${mounted.mountpoint}: ${failure.message}`);
    process.exitCode = exitCodes.FAILURE;
  }
  if (!isEnded) exitNow(exitCodes.NO_ANSWER);
  // At once: see Mount.unmount.
  process.exit();
}

/** Unmounts, in use or not. What is in the way, a mount over it, is waited for: a process that ended would leave both. */
async function unmount(mounting: Promise<Mount>, log: (line: string) => void): Promise<void> {
  const mounted = await mounting.catch(() => undefined);
  for (let said = ''; mounted; await delay(RETRY_INTERVAL)) {
    try {
      await mounted.unmount(true);
      return;
    } catch (error) {
      const { message } = failureOf(error);
      if (message !== said) log(message);
      said = message;
    }
  }
}

/** What serves a mount. */
interface Server {
  readonly carry: Carry;
  /** Ends it when the mount has gone. */
  readonly end: () => Promise<void>;
  /** What ended it before. */
  readonly failure: () => BcfsError | undefined;
  /** Whether it is at work, for a watchdog; this thread cannot watch itself. */
  readonly pulse?: Pulse;
}

/** fuse-native serves on this thread. */
function serveHere(settings: MountSettings, stderr: number): Server {
  return {
    // Loaded here alone: with dev-fuse nothing of it is on this thread.
    carry: async (path, options) => {
      const { hostTree } = await import('./host-tree.js');
      const { fuseNative } = await import('../fuse/fuse-native.js');
      const { tree, host } = hostTree(settings, logTo(stderr));
      setInterval(() => host.reap(), REAP_INTERVAL);
      return fuseNative(tree, path, options);
    },
    end: () => Promise.resolve(),
    failure: () => undefined,
  };
}

/** dev-fuse serves on a thread that does nothing else, and that the tree lives on. */
function serveOnThread(settings: MountSettings, stderr: number): Server {
  const thread = new ServingThread({ stderr, validity: VALIDITY, settings });
  return {
    // Nothing is mounted before it can be served.
    carry: async (path, options) => {
      await thread.ready();
      thread.serve(mountDevice(path, options, true));
      return () => thread.isServing;
    },
    end: () => thread.end(),
    failure: () => thread.failure,
    pulse: thread.pulse,
  };
}

const servers: Readonly<Record<TransportName, (settings: MountSettings, stderr: number) => Server>> = {
  'fuse-native': serveHere,
  'dev-fuse': serveOnThread,
};
