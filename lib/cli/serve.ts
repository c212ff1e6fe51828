/** Serving a mount until it ends: what the daemon and the foreground command have in common. */
import { writeSync } from 'node:fs';
import { format } from 'node:util';
import createDebug from 'debug';
import { mount } from '../fuse/mount.js';
import { divertStderr, restoreStderr } from '../fuse/native.js';
import { exitCodes, failureOf } from './exit.js';
import { hostTree } from './host-tree.js';
import type { MountSettings } from './mount-options.js';

/** How often to look for moved tasks that have ended, in milliseconds. */
const REAP_INTERVAL = 1000;

/** Seconds: nobody changes the daemon's tree but through its mount. */
const VALIDITY = 24 * 60 * 60;

/** Mounts, calls `ready`, and ends the process when the mount has gone or a signal has asked for it. */
export async function serve(mountpoint: string, settings: MountSettings, ready: () => void): Promise<never> {
  const { log, giveBack } = takeStderr();
  const { tree, host } = hostTree(settings, log);
  const { ro, allowOther, nonempty, flags } = settings;
  const mounting = mount(tree, mountpoint, {
    ro,
    allowOther,
    nonempty,
    flags,
    validity: VALIDITY,
    ownsProcess: true,
    log,
  });
  const end = async (): Promise<void> => {
    try {
      await (await mounting).unmount(true);
    } catch (error) {
      log(failureOf(error).message);
    }
  };
  // While it mounts too: a signal that ended the process then would leave a dead mount.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void end());
  const mounted = await mounting.catch((error: unknown) => {
    giveBack();
    throw error;
  });
  // Whoever uses the mount must not be left waiting for an answer, so it goes before the process does.
  process.on('uncaughtException', (error) => {
    log(format(error));
    process.exitCode = exitCodes.FAILURE;
    void end().finally(() => process.exit());
  });
  setInterval(() => host.reap(), REAP_INTERVAL);
  ready();
  await mounted.gone;
  // At once: see Mount.unmount.
  process.exit();
}

interface Stderr {
  /** Takes a line. */
  readonly log: (line: string) => void;
  /** Makes descriptor 2 lead there again. */
  readonly giveBack: () => void;
}

/** Takes descriptor 2 away from libfuse, which writes to it, and sends all lines of log and debug where it led. */
function takeStderr(): Stderr {
  const stderr = divertStderr();
  const print = (line: string) => {
    try {
      writeSync(stderr, `${line}\n`);
    } catch {
      // Nobody reads it any more, or its disk is full: no reason to stop serving.
    }
  };
  createDebug.log = (...args: unknown[]) => print(format(...args));
  return { log: (line) => print(`bcfs: ${line}`), giveBack: () => restoreStderr(stderr) };
}
