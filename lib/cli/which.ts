/** `bcfs which <pid> [mountpoint]`: the beancounter of a task, as v6's line in /proc/PID/status. */
import { readdir } from 'node:fs/promises';
import { BcfsError } from '../errors.js';
import { ask, controlSocketOf, Refusal } from './control-client.js';
import { controlDirectory, isControlName } from './control-protocol.js';

/**
 * @param mountpoint Default: whatever mount of this machine has the task
 * @throws BcfsError EINVAL if no daemon of this machine answers
 */
export async function whichCommand(pid: number, mountpoint: string | undefined): Promise<void> {
  const id =
    mountpoint === undefined ? await askAll(pid) : await askOne(await controlSocketOf(mountpoint), pid);
  process.stdout.write(`Bcid:\t${id}\n`);
}

async function askOne(socket: string, pid: number): Promise<number> {
  try {
    return await ask(socket, { ask: 'which', pid });
  } catch (error) {
    throw isUnknown(error) ? new Refusal('ESRCH', `${pid}: no such task`) : error;
  }
}

/** The daemons by their sockets, not by mountinfo: they may be in another mount namespace. */
async function askAll(pid: number): Promise<number> {
  const directory = controlDirectory();
  const names = await readdir(directory).catch(() => []);
  const sockets = names.filter(isControlName).map((name) => `${directory}/${name}`);
  const ids: number[] = [];
  const errors: unknown[] = [];
  await Promise.all(
    sockets.map((socket) =>
      askOne(socket, pid).then(
        (id) => ids.push(id),
        (error: unknown) => errors.push(error),
      ),
    ),
  );
  const [first] = ids;
  if (first !== undefined) return ids.find((id) => id !== 0) ?? first;
  // A socket that a dead daemon left says nothing.
  const silent: unknown[] = ['ENOTCONN', 'ECONNRESET'];
  const telling = errors.filter((error) => !(error instanceof BcfsError && silent.includes(error.code)));
  if (telling.length > 0) throw telling.find(isUnknown) ?? telling[0];
  throw new BcfsError('EINVAL', 'no bcfs of this machine answers; is one mounted? See: findmnt -t fuse.bcfs');
}

function isUnknown(error: unknown): boolean {
  return error instanceof Refusal && error.code === 'ESRCH';
}
