/**
 * Mounting a tree and taking the mount away again, whoever carries it.
 *
 * A mountpoint may be a live mount, the dead one of a daemon that was killed, or one that hangs whoever touches
 * it. So it is looked up in mountinfo before it is touched, and touched asynchronously, with a time limit.
 */
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { open, readdir, realpath, stat, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import createDebug from 'debug';
import type { Tree } from '../configfs/tree.js';
import { BcfsError, strerror } from '../errors.js';
import { ANSWER_TIME, inTime, orElse } from '../in-time.js';
import { devFuse } from './dev-fuse.js';
import { isRoot, refusal } from './device.js';
import { fuseNative } from './fuse-native.js';
import { findFusermount, unmountByFusermount } from './fusermount.js';
import { mountAt, readMounts, type MountEntry } from './mountinfo.js';
import { lock, MNT_DETACH, MNT_FORCE, umount } from './native.js';
import {
  chosenTransport,
  DEFAULT_TRANSPORT,
  type Carry,
  type CarryOptions,
  type Connection,
  type Transport,
  type TransportChoice,
  type TransportName,
} from './transport.js';

const transports: Readonly<Record<TransportName, Transport>> = {
  'fuse-native': fuseNative,
  'dev-fuse': devFuse,
};

const debug = createDebug('bcfs:mount');

/** The type of our mounts, as mount(8) shows it. */
export const FILESYSTEM_TYPE = 'fuse.bcfs';

/** How long what carries a tree may take to come up, in milliseconds. */
const CARRY_TIME = 10_000;

/** Seconds: a tree that its program changes too is seen so old at the most. */
const DEFAULT_VALIDITY = 1;

/** How often to look whether somebody else has come to an end with a mountpoint, in milliseconds. */
const LOCK_INTERVAL = 20;

/** Where the kernel lets a connection be ended without touching its mount. Source: Linux, fuse.rst. */
const CONNECTIONS = '/sys/fs/fuse/connections';

export interface MountOptions extends Partial<CarryOptions> {
  /** The mountpoint need not be empty. Default: false. */
  readonly nonempty?: boolean;
  /** How long it may take until a server is there, and again until it answers, milliseconds. Default: 10,000. */
  readonly startTime?: number;
  /** What carries the tree. Default: `auto`. */
  readonly transport?: TransportChoice;
}

/** A tree that is mounted. It keeps the process alive. */
export class Mount {
  /** The real path. */
  readonly mountpoint: string;
  /** The mount as it was made. */
  readonly entry: MountEntry;
  /**
   * Resolves when `unmount` has unmounted, or when the mount has gone by somebody's umount(8) and nobody uses it any
   * more: a mount that was detached is served to its last user.
   */
  readonly gone: Promise<void>;
  readonly #connection: Connection;
  #settle!: () => void;

  /** Made by `mount`. */
  constructor(entry: MountEntry, connection: Connection) {
    this.mountpoint = entry.mountpoint;
    this.entry = entry;
    this.#connection = connection;
    this.gone = new Promise((resolve) => {
      this.#settle = resolve;
    });
    void connection.ended.then(() => this.#clear()).finally(this.#settle);
  }

  /**
   * Unmounts. With fuse-native the process has to be ended with `process.exit` soon after: what libfuse leaves behind
   * keeps it from ending by itself.
   *
   * @param detach whether to unmount even if the mount is in use: nobody finds it from then on, and whoever still has
   * it open finds it dead when the process ends. Default: false
   * @throws BcfsError EBUSY if it is in use, or something is mounted over it
   */
  async unmount(detach = false): Promise<void> {
    const entry = this.#connection.isConnected() ? this.#find() : undefined;
    if (entry) unmountEntry(entry, detach);
    this.#settle();
    await this.gone;
  }

  /**
   * Takes the mount away though nobody answers for it any more: whoever waits for an answer gets an error. It does not
   * touch the mount.
   *
   * @returns what was done, in words
   */
  abort(): string {
    const done: string[] = [];
    const [, minor] = this.entry.device.split(':');
    try {
      writeFileSync(`${CONNECTIONS}/${minor}/abort`, '1');
      done.push(`connection ${minor} aborted`);
    } catch (error) {
      // Not mounted there, or another's to write to: umount2 aborts it too, if the mount can still be found.
      debug('%s: %s', this.mountpoint, (error as Error).message);
    }
    try {
      const entry = this.#find();
      if (entry && isOnTop(entry)) {
        detach(entry.mountpoint);
        done.push('unmounted');
      }
    } catch (error) {
      done.push((error as Error).message);
    }
    return done.join(', ') || 'nothing is left of the mount';
  }

  /** Where it is mounted now: it may have been moved. */
  #find(): MountEntry | undefined {
    const { id, device } = this.entry;
    return readMounts().find((entry) => entry.id === id && entry.device === device && isOurs(entry));
  }

  /**
   * Takes away what an aborted connection leaves: a dead mount. Its numbers may be those of another's mount by now, dead
   * too; its place is not.
   */
  async #clear(): Promise<void> {
    const entry = this.#find();
    if (
      entry?.mountpoint === this.mountpoint &&
      isOnTop(entry) &&
      (await probe(entry.mountpoint)) === 'dead'
    ) {
      unmountEntry(entry, true);
    }
  }
}

/**
 * Mounts a tree. Resolves when the mount answers.
 *
 * The process must never touch the mount synchronously, nor wait for a child that does: nobody would be left to
 * answer. It must not be stopped while others use the mount.
 *
 * @throws BcfsError ENOENT, ENOTDIR, ENOTEMPTY: what is wrong with the mountpoint; EBUSY: something is mounted there;
 * ENOTCONN: a mount above it is dead; ENODEV: no FUSE; EPERM: no right to mount; ETIMEDOUT: a mount
 * is there and does not answer. Nothing stays mounted
 */
export function mount(tree: Tree, mountpoint: string, options: MountOptions = {}): Promise<Mount> {
  const transport = transports[chosenTransport(options.transport ?? DEFAULT_TRANSPORT)];
  return mountWith((path, carry) => transport(tree, path, carry), mountpoint, options);
}

/** The mount before: two at once on one mountpoint would not know whose it is that is there. */
let last: Promise<unknown> = Promise.resolve();

/** Mounts, as `mount` does, whatever `carry` serves, on a thread of its own for example. */
export function mountWith(
  carry: Carry,
  mountpoint: string,
  options: Omit<MountOptions, 'transport'>,
): Promise<Mount> {
  const mounting = last.then(() => mountNow(carry, mountpoint, options));
  last = mounting.catch(() => undefined);
  return mounting;
}

async function mountNow(
  carry: Carry,
  mountpoint: string,
  options: Omit<MountOptions, 'transport'>,
): Promise<Mount> {
  const { nonempty = false } = options;
  const carryOptions: CarryOptions = {
    ro: options.ro ?? false,
    allowOther: options.allowOther ?? false,
    flags: options.flags ?? [],
    validity: options.validity ?? DEFAULT_VALIDITY,
    ownsProcess: options.ownsProcess ?? false,
    log: options.log ?? ((message) => process.emitWarning(message, 'FuseWarning')),
  };
  const path = await findMountpoint(mountpoint, nonempty);
  await mustHaveFuse();
  const locked = await lockMountpoint(path);
  try {
    // Somebody may have mounted there meanwhile.
    await findMountpoint(path, nonempty);
    return await mountLocked(carry, path, carryOptions, options.startTime ?? CARRY_TIME);
  } finally {
    await locked.close();
  }
}

/** Of several who mount on one mountpoint, one after the other looks at it and mounts: the kernel lets all of them. */
async function lockMountpoint(path: string): Promise<FileHandle> {
  const directory = await inTime(open(path), silent(path));
  for (const start = performance.now(); !lock(directory.fd); await delay(LOCK_INTERVAL)) {
    if (performance.now() - start > CARRY_TIME + ANSWER_TIME) {
      await directory.close();
      throw new BcfsError(
        'EBUSY',
        `${path}: in use, somebody else is about to mount there, or has it locked`,
      );
    }
  }
  return directory;
}

async function mountLocked(
  carry: Carry,
  path: string,
  carryOptions: CarryOptions,
  startTime: number,
): Promise<Mount> {
  const before = mountAt(path)?.id;
  // Where none is left, what has been mounted could not even be looked up to take it away.
  const spare = openSync('/dev/null', 'r');
  try {
    const connection = await inTime(carry(path, carryOptions), silent(path), startTime);
    const entry = mountAt(path);
    if (!entry || entry.id === before) throw new Error('nothing is mounted');
    if ((await probe(path, startTime)) !== 'alive') throw new BcfsError('ETIMEDOUT', silent(path));
    debug('%s: mounted', path);
    closeSync(spare);
    return new Mount(entry, connection);
  } catch (error) {
    closeSync(spare);
    throw await explainFailure(error, path, before);
  }
}

function silent(path: string): string {
  return `${path}: the mount does not answer`;
}

/** Takes away what a mount that failed left there. What answers is another's, who was faster. */
async function explainFailure(error: unknown, path: string, before: number | undefined): Promise<BcfsError> {
  if (mountAt(path)?.id !== before) {
    if ((await probe(path)) === 'alive') {
      return new BcfsError('EBUSY', `${path}: in use, somebody else has mounted there meanwhile`);
    }
    // This process too may have threads that wait for an answer, and could not end.
    detach(path);
  }
  if (error instanceof BcfsError) return error;
  const { code } = error as { code?: unknown };
  if (code === 'EMFILE' || code === 'ENFILE') return new BcfsError(code, `${path}: ${strerror(code)}`);
  return refusal(path, error instanceof Error ? error.message : String(error), error);
}

/** Detaches what is mounted, without touching it: whoever waits for an answer gets an error. */
function detach(path: string): void {
  unmountAs(path, MNT_DETACH | MNT_FORCE);
}

/** umount2(2), or fusermount for those who may not. */
function unmountAs(path: string, flags: number): void {
  try {
    umount(path, flags);
  } catch (error) {
    const isRefused = (error as BcfsError).code === 'EPERM' && !isRoot();
    const fusermount = isRefused ? findFusermount() : undefined;
    if (fusermount === undefined) throw error;
    unmountByFusermount(fusermount, path, (flags & MNT_DETACH) !== 0);
  }
}

function isOurs({ type }: MountEntry): boolean {
  return type === FILESYSTEM_TYPE;
}

/** Whether a mount is what is seen at its mountpoint. */
function isOnTop({ id, mountpoint }: MountEntry): boolean {
  return mountAt(mountpoint)?.id === id;
}

/**
 * The bcfs that is mounted at a real path.
 *
 * @throws BcfsError EINVAL if there is none
 */
export function bcfsAt(path: string): MountEntry {
  const entry = mountAt(path);
  if (entry && isOurs(entry)) return entry;
  throw new BcfsError('EINVAL', `${path}: no bcfs is mounted there; see: findmnt -t ${FILESYSTEM_TYPE}`);
}

/**
 * Unmounts a bcfs that any process has mounted.
 *
 * @param detach as in `Mount.unmount`
 * @throws BcfsError EINVAL if no bcfs is mounted there, EBUSY if it is in use, EPERM
 */
export function unmountPath(path: string, detach: boolean): void {
  bcfsAt(path);
  try {
    unmountAs(path, detach ? MNT_DETACH : 0);
  } catch (error) {
    throw explainUmount(error as BcfsError, path);
  }
}

function unmountEntry(entry: MountEntry, detach: boolean): void {
  const { mountpoint } = entry;
  if (!isOnTop(entry)) {
    throw new BcfsError('EBUSY', `${mountpoint}: something else is mounted over it; unmount that first`);
  }
  unmountPath(mountpoint, detach);
}

function explainUmount(error: BcfsError, path: string): BcfsError {
  switch (error.code) {
    case 'EBUSY':
      return new BcfsError(
        'EBUSY',
        `${path}: in use; see who: fuser -vm ${quote(path)}; or detach it: bcfs umount -l ${quote(path)}`,
      );
    case 'EPERM':
      return new BcfsError(
        'EPERM',
        `${path}: only root with CAP_SYS_ADMIN can unmount, or who mounted by fusermount`,
      );
    default:
      return error;
  }
}

/**
 * The real path of a mountpoint, without touching a mount that is there.
 *
 * @throws BcfsError ENOENT, ENOTDIR, EACCES; ENOTCONN if a mount above it is dead
 */
export async function realMountpoint(mountpoint: string): Promise<string> {
  // An empty variable in a script is not the current directory.
  if (mountpoint === '') throw new BcfsError('ENOENT', 'the mountpoint is an empty string');
  try {
    // Only the last name may be a mount that hangs. `..` is what the kernel makes of it, behind a link too.
    const [, directory = '', name = ''] = /^(.*?)([^/]*)\/*$/s.exec(mountpoint) ?? [];
    if (name === '' || name === '.' || name === '..') return await realpath(mountpoint);
    const path = join(await realpath(directory || '.'), name);
    return mountAt(path) ? path : await realpath(path);
  } catch (error) {
    throw explainPath(error, mountpoint);
  }
}

/** The real path of a mountpoint that is fit to be mounted on; a dead mount of ours is cleared away. */
async function findMountpoint(mountpoint: string, nonempty: boolean): Promise<string> {
  const path = await realMountpoint(mountpoint);
  let there: MountEntry | undefined;
  while ((there = mountAt(path))) {
    if (!isOurs(there)) {
      throw new BcfsError(
        'EBUSY',
        `${path}: in use, a ${there.type} is mounted there; mount elsewhere, or unmount it first`,
      );
    }
    const state = await probe(path);
    if (state === 'alive') {
      throw new BcfsError(
        'EBUSY',
        `${path}: a bcfs is mounted there already; end it with: bcfs umount ${quote(path)}`,
      );
    }
    if (state === 'silent') {
      throw new BcfsError(
        'ETIMEDOUT',
        `${path}: a bcfs is mounted there and does not answer; take it away with: bcfs umount -l ${quote(path)}`,
      );
    }
    debug('%s: clearing a dead mount away', path);
    unmountPath(path, true);
  }
  try {
    if (!(await stat(path)).isDirectory()) throw new BcfsError('ENOTDIR', `${path}: not a directory`);
    if (!nonempty && (await readdir(path)).length > 0) {
      // What is seen there may be what somebody has mounted meanwhile.
      if (mountAt(path)) return await findMountpoint(mountpoint, nonempty);
      throw new BcfsError(
        'ENOTEMPTY',
        `${path}: not empty; mount elsewhere, or hide what is there with -o nonempty`,
      );
    }
  } catch (error) {
    throw explainPath(error, path);
  }
  return path;
}

function explainPath(error: unknown, path: string): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return new BcfsError('ENOENT', `${path}: no such mountpoint; a new one: mkdir -p ${quote(path)}`);
    case 'ENOTDIR':
      return new BcfsError('ENOTDIR', `${path}: not a directory`);
    case 'EACCES':
      return new BcfsError('EACCES', `${path}: permission denied on the way there`);
    case 'ENOTCONN':
      return new BcfsError('ENOTCONN', `${path}: a mount above it is dead; take that away with: umount -l`);
    default:
      return error;
  }
}

/** A path as an argument of a shell command: what an error advises is pasted. */
function quote(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

/** Whether what is mounted there answers, with an error too, is dead, or says nothing in time. */
async function probe(path: string, time = ANSWER_TIME): Promise<'alive' | 'dead' | 'silent'> {
  // What the kernel never answers by itself.
  const answer = statfs(path).then(
    () => 'alive' as const,
    (error: unknown) => (isDead(error as NodeJS.ErrnoException) ? 'dead' : 'alive'),
  );
  return orElse(answer, () => 'silent' as const, time);
}

/** ECONNABORTED: it died while it was asked. */
function isDead({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOTCONN' || code === 'ECONNABORTED';
}

/** Whether this process can speak to the kernel's FUSE at all, or have fusermount do it. */
async function mustHaveFuse(): Promise<void> {
  try {
    await (await open('/dev/fuse', constants.O_RDWR)).close();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM') {
      if (!isRoot()) {
        if (findFusermount() !== undefined) return;
        throw new BcfsError(
          'EPERM',
          '/dev/fuse: permission denied; it needs root, or fusermount3 (the package fuse3); without, try: bcfs sh',
        );
      }
      throw new BcfsError('EPERM', '/dev/fuse: permission denied; in a container, it must be let in');
    }
    throw new BcfsError('ENODEV', 'no /dev/fuse here; load it with: modprobe fuse; without it, try: bcfs sh');
  }
}
