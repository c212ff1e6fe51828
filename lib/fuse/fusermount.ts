/**
 * Mounting and unmounting by fusermount, the program of libfuse that may do it for those who may not: it opens
 * /dev/fuse, mounts, and sends the descriptor over the socket that it finds in its environment. Source: libfuse,
 * lib/mount.c and util/fusermount.c.
 *
 * It is waited for synchronously: it does not look at what is mounted, and it has a time limit.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants } from 'node:fs';
import { join } from 'node:path';
import { BcfsError } from '../errors.js';
import { receiveDescriptor, socketPair } from './native.js';
import type { CarryOptions } from './transport.js';

/** libfuse 3's, and libfuse 2's. */
const names = ['fusermount3', 'fusermount'];

/** Milliseconds. */
const TIME_LIMIT = 5000;

/** The first of its descriptors after the standard ones. */
const SOCKET = 3;

/** The path of fusermount as $PATH has it; undefined if it is not installed. */
export function findFusermount(path = process.env['PATH'] ?? ''): string | undefined {
  const directories = path.split(':').filter(Boolean);
  return names.flatMap((name) => directories.map((directory) => join(directory, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * @returns the descriptor to serve, closed on exec
 * @throws BcfsError EPERM with what fusermount said
 */
export function mountByFusermount(
  fusermount: string,
  mountpoint: string,
  { ro, allowOther, flags }: CarryOptions,
): number {
  const options = ['fsname=bcfs', 'subtype=bcfs', 'default_permissions', ro ? 'ro' : 'rw', ...flags];
  if (allowOther) options.push('allow_other');
  const [ours, theirs] = socketPair();
  try {
    let said: string;
    try {
      said = run(fusermount, ['-o', options.join(','), '--', mountpoint], theirs);
    } finally {
      // Or nobody would ever be the last to close it, and receiving wait for ever.
      closeSync(theirs);
    }
    const fd = receiveDescriptor(ours);
    if (fd === undefined)
      throw new BcfsError('EPERM', `${mountpoint}: ${said || 'fusermount mounts nothing'}`);
    return fd;
  } finally {
    closeSync(ours);
  }
}

/**
 * @param detach as for umount -l
 * @throws BcfsError EBUSY, EPERM with what fusermount said
 */
export function unmountByFusermount(fusermount: string, mountpoint: string, detach: boolean): void {
  const said = run(fusermount, [...unmountArguments(detach), mountpoint]);
  if (said === '') return;
  const code = said.includes('busy') ? 'EBUSY' : 'EPERM';
  throw new BcfsError(code, `${mountpoint}: ${said}`);
}

/** What fusermount is given before a mountpoint to unmount it. */
export function unmountArguments(detach: boolean): string[] {
  return ['-u', ...(detach ? ['-z'] : []), '--'];
}

/** @returns what it said last, or how it ended, if it failed; otherwise nothing */
function run(fusermount: string, args: readonly string[], socket?: number): string {
  const { status, signal, error, stderr } = spawnSync(fusermount, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])],
    env: { ...process.env, LC_ALL: 'C', _FUSE_COMMFD: String(SOCKET) },
    cwd: '/',
    timeout: TIME_LIMIT,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  });
  if (status === 0) return '';
  if (error) return `${fusermount}: ${error.message}`;
  return stderr.trim().split('\n').at(-1) || `${fusermount}: it ended with ${signal ?? status}`;
}
