/** The commands' end of the control socket: finding the daemon of a mount, and asking it. */
import { connect, type Socket } from 'node:net';
import { BcfsError, type ErrnoName } from '../errors.js';
import { bcfsAt, realMountpoint } from '../fuse/mount.js';
import type { HostAnswers, HostEvent, HostRequest } from '../host/report.js';
import { absolutePath } from './absolute-path.js';
import { controlPath, Lines, toLine, type ControlReply, type ControlRequest } from './control-protocol.js';
import { ANSWER_TIME, inTime } from '../in-time.js';

/** What a daemon refused. The code is the daemon's, and says nothing of the mountpoint or of this command's rights. */
export class Refusal extends Error {
  readonly code: ErrnoName;

  constructor(code: ErrnoName, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * The control socket of what is mounted there. Does not touch the mount.
 *
 * @throws BcfsError what `realMountpoint` throws; EINVAL if no bcfs is mounted there
 */
export async function controlSocketOf(mountpoint: string): Promise<string> {
  return controlPath(bcfsAt(await realMountpoint(absolutePath(mountpoint))).device);
}

/** A connection to a daemon. */
export class Control {
  readonly #path: string;
  readonly #socket: Socket;
  readonly #incoming: AsyncGenerator<ControlReply, undefined>;

  /** Does not wait: what keeps it from being connected is thrown when it is used. @param path of the socket */
  constructor(path: string) {
    this.#path = path;
    this.#socket = connect(path);
    // Whoever reads is told, then.
    this.#socket.on('error', () => undefined);
    this.#incoming = replies(this.#socket, path);
  }

  /**
   * @param limit milliseconds
   * @throws Refusal what the daemon answers; BcfsError ENOTCONN if there is none, EACCES, ETIMEDOUT, ECONNRESET if it
   * hangs up
   */
  async ask<R extends HostRequest>(request: R, limit?: number): Promise<HostAnswers[R['ask']]> {
    return (await this.#request(request, limit)) as HostAnswers[R['ask']];
  }

  /** As `events`. */
  async *events(limit?: number): AsyncGenerator<HostEvent, void> {
    await this.#request({ ask: 'events' }, limit);
    for (;;) {
      const reply = await this.#next();
      if ('event' in reply) yield reply.event;
      if ('end' in reply) return;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #request(request: ControlRequest, limit = ANSWER_TIME): Promise<unknown> {
    this.#socket.write(toLine(request));
    const reply = await inTime(this.#next(), `${this.#path}: the daemon does not answer`, limit);
    if ('error' in reply) throw new Refusal(reply.error.code, reply.error.message);
    return 'answer' in reply ? reply.answer : undefined;
  }

  async #next(): Promise<ControlReply> {
    const result = await this.#incoming.next();
    if (result.done) throw hungUp(this.#path);
    return result.value;
  }
}

/**
 * Asks a daemon.
 *
 * @param limit milliseconds
 * @throws Refusal, BcfsError as `Control.ask`
 */
export async function ask<R extends HostRequest>(
  path: string,
  request: R,
  limit?: number,
): Promise<HostAnswers[R['ask']]> {
  const control = new Control(path);
  try {
    return await control.ask(request, limit);
  } finally {
    control.close();
  }
}

/**
 * The events of a daemon, as they happen, until it ends.
 *
 * @param limit milliseconds until it must have agreed
 * @throws Refusal, BcfsError as `ask`; ECONNRESET if the connection ends and the daemon has not said that it does
 */
export async function* events(path: string, limit?: number): AsyncGenerator<HostEvent, void> {
  const control = new Control(path);
  try {
    yield* control.events(limit);
  } finally {
    control.close();
  }
}

/** What a daemon says, until the connection ends. */
async function* replies(socket: Socket, path: string): AsyncGenerator<ControlReply, undefined> {
  const lines = new Lines();
  socket.setEncoding('utf8');
  try {
    for await (const chunk of socket as AsyncIterable<string>) {
      for (const line of lines.push(chunk) ?? []) yield JSON.parse(line) as ControlReply;
    }
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException, path);
  }
  return undefined;
}

function explain(error: NodeJS.ErrnoException, path: string): Error {
  switch (error.code) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return new BcfsError('ENOTCONN', `${path}: no daemon answers; it was killed, or has no control socket`);
    case 'EACCES':
    case 'EPERM':
      return new BcfsError('EACCES', `${path}: permission denied; only root can ask the daemon`);
    case 'ECONNRESET':
    case 'EPIPE':
      return hungUp(path);
    default:
      return error;
  }
}

function hungUp(path: string): BcfsError {
  return new BcfsError(
    'ECONNRESET',
    `${path}: the daemon was killed, or has let go of a client that did not read as fast as it wrote`,
  );
}
