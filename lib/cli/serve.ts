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
import { answerEach, tellEvent } from './host-connection.js';
import type { HostTree } from './host-tree.js';
import { listenWithoutTasks, LiveDaemon } from './live-daemon.js';
import { logTo } from './log.js';
import type { HostName, MountSettings } from './mount-options.js';
import { ServingThread } from './serving-thread.js';

/** How often the host has to look at its tasks, in milliseconds. */
const TICK_INTERVAL = 1000;

/** How often to look for samples where nothing wakes the tree's thread, in milliseconds. */
const LOOK_INTERVAL = 100;

/** How long to wait before the next try to unmount, in milliseconds. */
const RETRY_INTERVAL = 500;

/** How long what served a mount may take to end when the mount has gone, in milliseconds. */
const END_TIME = 5000;

/** How long to wait for a server, and for its first answer, in milliseconds: the machine may be busy. */
const START_TIME = 25_000;

/** Seconds: nobody changes the daemon's tree but through its mount. */
const VALIDITY = 24 * 60 * 60;

/** What is to be served. The daemon gets it as a message. */
export interface Order {
  readonly mountpoint: string;
  readonly settings: MountSettings;
  readonly transport: TransportChoice;
  /** What feeds the engine. */
  readonly host: HostName;
}

/**
 * Mounts, calls `ready`, and ends the process when the mount has gone or a signal has asked for it.
 *
 * @param ownsSession whether nothing else is in this process's session
 */
export async function serve(
  { mountpoint, settings, transport, host }: Order,
  ownsSession: boolean,
  ready: () => void,
): Promise<never> {
  // libfuse writes to descriptor 2 whatever it likes.
  const stderr = divertStderr();
  const log = logTo(stderr);
  const live = host === 'none' ? undefined : new LiveDaemon(mountpoint, settings, host, log);
  const server = servers[chosenTransport(transport)](settings, stderr, live, ownsSession);
  const { ro, allowOther, nonempty, flags, autoUnmount, watchdog } = settings;
  const mounting = mountWith(server.carry, mountpoint, {
    ro,
    allowOther,
    nonempty,
    flags,
    validity: VALIDITY,
    ownsProcess: true,
    startTime: START_TIME,
    log,
  });
  let ending: Promise<void> | undefined;
  const end = (): Promise<void> => (ending ??= unmount(mounting, log));
  // While it mounts too: a signal that ended the process then would leave a dead mount.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
  const mounted = await mounting.catch(async (error: unknown) => {
    // A thread that is still coming up would take the process down with it: koffi aborts where its loading is ended.
    await live?.end();
    restoreStderr(stderr);
    throw server.failure() ?? error;
  });
  const guardian = autoUnmount ? guard(mounted.entry, log) : undefined;
  if (server.pulse && watchdog > 0) {
    /* c8 ignore next 5: exitNow */
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
  const { device } = mounted.entry;
  await (live ? live.listen(device) : listenWithoutTasks(device)).catch((error: unknown) => {
    log(`bcfs status and its kin cannot ask: ${failureOf(error).message}`);
  });
  ready();
  await mounted.gone;
  guardian?.dismiss();
  await live?.end();
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
function serveHere(settings: MountSettings, stderr: number, live: LiveDaemon | undefined): Server {
  let host: HostTree | undefined;
  return {
    // Loaded here alone: with dev-fuse nothing of it is on this thread.
    carry: async (path, options) => {
      const { hostTree, liveTree } = await import('./host-tree.js');
      const { fuseNative } = await import('../fuse/fuse-native.js');
      const log = logTo(stderr);
      const made = live
        ? liveTree(settings, live.order, log, (event) => tellEvent(live.order.questions, event))
        : hostTree(settings, log);
      host = made;
      if (live) answerEach(live.order.questions, (request) => made.answer(request));
      setInterval(() => made.tick(), TICK_INTERVAL);
      if (live) setInterval(() => made.look(), LOOK_INTERVAL);
      return fuseNative(made.tree, path, options);
    },
    end: () => {
      host?.close();
      return Promise.resolve();
    },
    failure: () => undefined,
  };
}

/** dev-fuse serves on a thread that does nothing else, and that the tree lives on. */
function serveOnThread(
  settings: MountSettings,
  stderr: number,
  live: LiveDaemon | undefined,
  ownsSession: boolean,
): Server {
  const thread = new ServingThread({ stderr, validity: VALIDITY, settings, live: live?.order, ownsSession });
  return {
    // Nothing is mounted before it can be served.
    carry: async (path, options) => {
      await thread.ready();
      thread.serve(mountDevice(path, options, true));
      return { isConnected: () => thread.isServing, ended: thread.ended };
    },
    end: () => thread.end(),
    failure: () => thread.failure,
    pulse: thread.pulse,
  };
}

type MakeServer = (
  settings: MountSettings,
  stderr: number,
  live: LiveDaemon | undefined,
  ownsSession: boolean,
) => Server;

const servers: Readonly<Record<TransportName, MakeServer>> = {
  'fuse-native': serveHere,
  'dev-fuse': serveOnThread,
};
