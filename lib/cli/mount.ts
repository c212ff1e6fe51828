/** `bcfs [options] <mountpoint>`: mounts, in the background unless told otherwise. */
import { fork } from 'node:child_process';
import { openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import createDebug from 'debug';
import type { TransportChoice } from '../fuse/transport.js';
import type { Report } from './daemon.js';
import { absolutePath } from './absolute-path.js';
import { exitCodes, fail, failureOf } from './exit.js';
import type { Order } from './serve.js';
import { defaultSettings, type HostName, type MountSettings } from './mount-options.js';

/** How long the daemon may take to come up, in milliseconds, and to end when it is told to. */
const START_TIME = 30_000;
const STOP_TIME = 5000;

export interface MountFlags {
  readonly foreground?: true;
  readonly debug?: true;
  readonly log?: string;
  readonly options?: MountSettings;
  readonly transport: TransportChoice;
  readonly host: HostName;
}

export async function mountCommand(mountpoint: string, flags: MountFlags): Promise<void> {
  const order: Order = {
    mountpoint: absolutePath(mountpoint),
    settings: flags.options ?? defaultSettings(),
    transport: flags.transport,
    host: flags.host,
  };
  if (flags.debug) createDebug.enable('bcfs:*');
  if (!flags.foreground && !flags.debug) return startDaemon(order, flags.log);
  const { serve } = await import('./serve.js');
  return serve(order, false, () => {}).catch((error: unknown) => fail(failureOf(error)));
}

/** Starts the daemon and ends when its mount answers. */
function startDaemon(order: Order, log: string | undefined): void {
  const daemon = fork(fileURLToPath(new URL('daemon.js', import.meta.url)), [order.mountpoint], {
    cwd: '/',
    detached: true,
    // Megabytes that V8 takes for new objects; its default of 16 outweighs thousands of beancounters.
    execArgv: [...process.execArgv, '--max-semi-space-size=1'],
    stdio: ['ignore', 'ignore', log === undefined ? 'ignore' : openLog(log), 'ipc'],
  });
  setTimeout(() => {
    daemon.removeAllListeners().once('exit', () => {
      fail({
        exitCode: exitCodes.NO_ANSWER,
        message: `${order.mountpoint}: the daemon did not come up in ${START_TIME / 1000} s, and was ended`,
      });
    });
    // First so that it can take away what it has mounted.
    daemon.kill('SIGTERM');
    setTimeout(() => daemon.kill('SIGKILL'), STOP_TIME);
  }, START_TIME);
  daemon.once('message', ({ failure }: Report) => {
    if (failure) fail(failure);
    process.exit(exitCodes.OK);
  });
  daemon.once('error', ({ message }) => {
    fail({ exitCode: exitCodes.FAILURE, message: `the daemon does not start: ${message}` });
  });
  daemon.once('exit', (code, signal) => {
    fail({ exitCode: exitCodes.FAILURE, message: `the daemon ended before it mounted (${signal ?? code})` });
  });
  daemon.send(order);
}

function openLog(path: string): number {
  try {
    return openSync(path, 'a', 0o640);
  } catch (error) {
    return fail({ exitCode: exitCodes.USAGE, message: `--log: ${(error as Error).message}` });
  }
}
