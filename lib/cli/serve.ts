/** Serving a mount until it ends: what the daemon and the foreground command have in common. */
import { setTimeout as delay } from 'node:timers/promises';
import { format } from 'node:util';
import { Worker } from 'node:worker_threads';
import { mountDevice } from '../fuse/device.js';
import { fuseNative } from '../fuse/fuse-native.js';
import { mountWith, type Mount } from '../fuse/mount.js';
import { divertStderr, eventfd, restoreStderr, wake } from '../fuse/native.js';
import type { Carry, TransportName } from '../fuse/transport.js';
import type { DeviceOrder } from './device-thread.js';
import { exitCodes, failureOf } from './exit.js';
import { hostTree } from './host-tree.js';
import { logTo } from './log.js';
import type { HostName, MountSettings } from './mount-options.js';

/** How often to look for moved tasks that have ended, in milliseconds. */
const REAP_INTERVAL = 1000;

/** How long to wait before the next try to unmount, in milliseconds. */
const RETRY_INTERVAL = 500;

/** Seconds: nobody changes the daemon's tree but through its mount. */
const VALIDITY = 24 * 60 * 60;

/** What is to be served. The daemon gets it as a message. */
export interface Order {
  readonly mountpoint: string;
  readonly settings: MountSettings;
  readonly transport: TransportName;
  /** What feeds the engine. */
  readonly host: HostName;
}

/** Mounts, calls `ready`, and ends the process when the mount has gone or a signal has asked for it. */
export async function serve({ mountpoint, settings, transport }: Order, ready: () => void): Promise<never> {
  // libfuse writes to descriptor 2 whatever it likes.
  const stderr = divertStderr();
  const log = logTo(stderr);
  const server = servers[transport](settings, stderr);
  const { ro, allowOther, nonempty, flags } = settings;
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
    throw error;
  });
  // Whoever uses the mount must not be left waiting for an answer, so it goes before the process does.
  process.on('uncaughtException', (error) => {
    log(format(error));
    process.exitCode = exitCodes.FAILURE;
    void end().finally(() => process.exit());
  });
  ready();
  await mounted.gone;
  await server.end();
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

/** What serves a mount, and how to be rid of it when the mount has gone. */
interface Server {
  readonly carry: Carry;
  readonly end: () => Promise<void>;
}

/** fuse-native serves on this thread. */
function serveHere(settings: MountSettings, stderr: number): Server {
  const { tree, host } = hostTree(settings, logTo(stderr));
  setInterval(() => host.reap(), REAP_INTERVAL);
  return { carry: (path, options) => fuseNative(tree, path, options), end: () => Promise.resolve() };
}

/** dev-fuse serves on a thread that does nothing else, and that the tree lives on. */
function serveOnThread(settings: MountSettings, stderr: number): Server {
  const stop = eventfd();
  let ended = Promise.resolve();
  const carry: Carry = (path, options) => {
    const fd = mountDevice(path, options, true);
    const workerData: DeviceOrder = { fd, stop, stderr, validity: options.validity, settings };
    const thread = new Worker(new URL('device-thread.js', import.meta.url), { workerData });
    let connected = true;
    ended = new Promise((resolve) => {
      thread.once('exit', () => {
        connected = false;
        resolve();
      });
    });
    return Promise.resolve(() => connected);
  };
  return {
    carry,
    end: () => {
      wake(stop);
      return ended;
    },
  };
}

const servers: Readonly<Record<TransportName, (settings: MountSettings, stderr: number) => Server>> = {
  'fuse-native': serveHere,
  'dev-fuse': serveOnThread,
};
