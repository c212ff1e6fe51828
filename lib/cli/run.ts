/**
 * `bcfs run [--set …] <mount>/<id> -- command…`: starts a command in a beancounter, which is made if need be.
 *
 * The process becomes the command. Until then a failure is one line, and what was done is undone: parameters that
 * were set are put back, in reverse order, and a directory that was made is removed.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { access, mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BcfsError, errno, strerror, type ErrnoName } from '../errors.js';
import { bcfsAt, realMountpoint } from '../fuse/mount.js';
import { exitNow } from '../fuse/native.js';
import { absolutePath } from './absolute-path.js';
import { Control, Refusal } from './control-client.js';
import { controlPath } from './control-protocol.js';
import { execWords, restoreOpenFiles } from './exec.js';
import { exitCodes, fail, failureOf, type Failure } from './exit.js';
import { ANSWER_TIME, inTime } from '../in-time.js';
import { geteuid } from '../user.js';
import type { Setting } from './setting.js';

export interface RunFlags {
  readonly set?: readonly Setting[];
}

/** As confstr(3) gives it, for an environment without PATH. */
const DEFAULT_PATH = '/bin:/usr/bin';

/**
 * @param directory `<mount>/<id>`
 * @param words what stands behind it on the command line, the `--` too
 * @param exec executes the last so many words of this process's command line, and throws if it cannot
 */
export async function runCommand(
  directory: string,
  words: readonly string[],
  flags: RunFlags,
  exec: (words: number, last: () => void) => void = execWords,
): Promise<void> {
  const command = words[0] === '--' ? words.slice(1) : words;
  const [name] = command;
  if (name === undefined)
    return fail({ exitCode: exitCodes.USAGE, message: 'no command to run; see: bcfs run --help' });
  if (command === words && name.startsWith('-')) {
    return fail({
      exitCode: exitCodes.USAGE,
      message: `${name}: options stand before ${directory}; see: bcfs run --help`,
    });
  }
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const { beancounter, device } = await findBeancounter(directory);
    await inTime(mustBeCommand(name), `${name}: looking for it takes too long`);
    await prepare(beancounter, flags.set ?? [], undo);
    // There it may have no descriptor to connect with.
    const control = await connected(controlPath(device));
    restoreOpenFiles();
    const file = await moveThere(beancounter);
    if (control) await beCharged(control, beancounter);
    try {
      // Written again: its limits are then those of a process that has only the files that exec leaves it.
      exec(command.length, () => writeAgain(file));
    } catch (error) {
      throw cannotRun(name, error as BcfsError);
    }
  } catch (error) {
    // What hangs would hang again, and whoever waits for it could not end.
    if (isTimeout(error)) fail(failureOf(error), exitNow);
    // One that fails says no more than the failure that led here.
    for (const step of undo.reverse()) await step().catch(() => undefined);
    fail(error instanceof Unrunnable ? error.failure : failureOf(error));
  }
}

/**
 * The real path of what may be a beancounter's directory, and the device of its mount.
 *
 * @throws BcfsError EINVAL if it is not directly below a bcfs, and what `realMountpoint` throws
 */
async function findBeancounter(directory: string): Promise<{ beancounter: string; device: string }> {
  const path = absolutePath(directory);
  const mountpoint = await realMountpoint(path === '' ? '' : dirname(path));
  const { device } = bcfsAt(mountpoint);
  if (!/^[0-9]+$/.test(basename(path)))
    throw new Error(`${directory}: not a beancounter; it is to be MOUNT/ID`);
  return { beancounter: join(mountpoint, basename(path)), device };
}

/** Has the beancounter there, with its parameters. @param undo takes what undoes it, in the order it was done */
async function prepare(
  beancounter: string,
  settings: readonly Setting[],
  undo: (() => Promise<unknown>)[],
): Promise<void> {
  // Beancounter 0 is always there, and has every resource.
  const host = `${dirname(beancounter)}/0`;
  for (const { resource } of settings) {
    await onMount(`${host}/${resource}/limit`, `no resource ${resource}`, readValue);
  }
  const made = await onMount(beancounter, 'cannot make it', (path) => makeDirectory(path));
  if (made) undo.push(() => onMount(beancounter, 'cannot remove it', (path) => rmdir(path)));
  for (const setting of settings) await set(beancounter, setting, undo);
}

/** Sets both parameters in an order that has the barrier above the limit at no time. */
async function set(beancounter: string, setting: Setting, undo: (() => Promise<unknown>)[]): Promise<void> {
  const { resource, barrier, limit } = setting;
  const [barrierPath, limitPath] = [`${beancounter}/${resource}/barrier`, `${beancounter}/${resource}/limit`];
  const before = {
    barrier: await onMount(barrierPath, 'cannot read it', readValue),
    limit: await onMount(limitPath, 'cannot read it', readValue),
  };
  const steps = [
    { path: barrierPath, from: before.barrier, to: barrier },
    { path: limitPath, from: before.limit, to: limit },
  ];
  if (limit >= before.barrier) steps.reverse();
  for (const { path, from, to } of steps) {
    const change = (value: bigint) => onMount(path, `cannot set ${value}`, () => write(path, value));
    await change(to);
    undo.push(() => change(from));
  }
}

async function readValue(path: string): Promise<bigint> {
  return BigInt((await readFile(path, 'utf8')).trim());
}

/** @returns whether it was not there before */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Moves the thread that will execute the command: the others of this process end then, and should not count until they
 * have. Where the kernel moves whole processes only, they go with it.
 *
 * @returns the file to which the pid was written
 */
async function moveThere(beancounter: string): Promise<string> {
  const moveBy = async (file: string) => {
    const path = `${beancounter}/${file}`;
    await onMount(path, 'cannot move there', () => write(path, process.pid));
    return path;
  };
  try {
    return await moveBy('threads');
  } catch (error) {
    // Node's name for EOPNOTSUPP.
    const { cause } = error as { cause?: Partial<NodeJS.ErrnoException> };
    if (cause?.code !== 'ENOTSUP') throw error;
    return moveBy('tasks');
  }
}

/** What keeps this process from asking: there is no socket, it is not for this user, or no task is followed. */
const notAsked: readonly string[] = ['ENOTCONN', 'ENOTDIR', 'EACCES', 'ENOTSUP'];

/** Milliseconds until it is tried again to ask a daemon that has as many clients as it takes. */
const CROWDED = 50;

/**
 * A connection to the daemon on which it has answered.
 *
 * @param end when it is not tried again, as `performance.now`. Default: soon
 * @returns undefined if it is not to be asked: then the process counts as any that was moved
 * @throws BcfsError ENOTCONN if it does not answer: the mount may, and what was done can be undone
 */
async function connected(path: string, end = performance.now() + ANSWER_TIME): Promise<Control | undefined> {
  if (!(await isTrusted(dirname(path)))) return undefined;
  const control = new Control(path);
  try {
    await control.ask({ ask: 'which', pid: process.pid });
    return control;
  } catch (error) {
    control.close();
    const { code, message } = error as BcfsError;
    if (notAsked.includes(code)) return undefined;
    if (code !== 'ECONNRESET' || performance.now() > end) throw new BcfsError('ENOTCONN', message);
  }
  await delay(CROWDED);
  return connected(path, end);
}

/** Whether nobody else can put a socket there. */
async function isTrusted(directory: string): Promise<boolean> {
  const { uid, mode } = await stat(directory).catch(() => ({ uid: -1, mode: 0 }));
  return (uid === 0 || uid === geteuid()) && (mode & 0o022) === 0;
}

/** Has this process charged as if it had been forked there: what the command forks finds no room that it leaves. */
async function beCharged(control: Control, beancounter: string): Promise<void> {
  try {
    await control.ask({ ask: 'charge', pid: process.pid });
  } catch (error) {
    const text = `${beancounter}: cannot charge the command: ${(error as Error).message}`;
    throw error instanceof Refusal ? new Error(text) : new BcfsError('ENOTCONN', text);
  } finally {
    control.close();
  }
}

/** As `moveThere` wrote it. Nothing but this thread's own calls is used any more. */
function writeAgain(path: string): void {
  const fd = openSync(path, constants.O_WRONLY);
  writeSync(fd, String(process.pid));
  closeSync(fd);
}

/** Without a newline: every dialect takes it. Only for writing: `tasks` cannot be read. */
function write(path: string, value: number | bigint): Promise<void> {
  return writeFile(path, String(value), { flag: constants.O_WRONLY });
}

/** A mount may hang: nothing in it is touched but asynchronously, and waited for only so long. */
async function onMount<T>(path: string, failure: string, call: (path: string) => Promise<T>): Promise<T> {
  try {
    return await inTime(call(path), `${path}: ${failure}: the mount does not answer`);
  } catch (error) {
    if (error instanceof BcfsError) throw error;
    throw explain(error as NodeJS.ErrnoException, `${path}: ${failure}`);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof BcfsError && error.code === 'ETIMEDOUT';
}

/** Errors that have the same meaning here as for every command; the others are a beancounter's refusal. */
const general: readonly string[] = ['EACCES', 'EPERM', 'ENOTCONN'] satisfies ErrnoName[];

function explain(cause: NodeJS.ErrnoException, what: string): Error {
  const { code = '', message } = cause;
  if (!Object.hasOwn(errno, code)) return new Error(`${what}: ${message}`, { cause });
  const name = code as ErrnoName;
  const text = `${what}: ${strerror(name)}`;
  return general.includes(name) ? new BcfsError(name, text) : new Error(text, { cause });
}

/** A command that there is not, or that cannot be executed. */
class Unrunnable extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

function cannotRun(name: string, { code }: { readonly code: ErrnoName }): Unrunnable {
  return new Unrunnable(
    code === 'ENOENT'
      ? { exitCode: exitCodes.NOT_FOUND, message: `${name || "''"}: no such command` }
      : { exitCode: exitCodes.NOT_EXECUTABLE, message: `${name}: cannot be executed: ${strerror(code)}` },
  );
}

/**
 * Looks for the command as execvp(3) does, so that one that is not there is said before anything is made.
 *
 * @throws Unrunnable
 */
async function mustBeCommand(name: string): Promise<void> {
  const directories = name.includes('/') ? [''] : (process.env['PATH'] ?? DEFAULT_PATH).split(delimiter);
  let code: ErrnoName = 'ENOENT';
  for (const directory of name === '' ? [] : directories) {
    const path = directory === '' ? name : `${directory}/${name}`;
    try {
      if (!(await stat(path)).isFile()) throw new BcfsError('EACCES', 'not a file');
      await access(path, constants.X_OK);
      return;
    } catch (error) {
      if ((error as BcfsError).code === 'EACCES') code = 'EACCES';
    }
  }
  throw cannotRun(name, { code });
}
