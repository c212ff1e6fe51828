/**
 * The daemon's end of the control socket.
 *
 * Only root gets in: the socket's mode is 0600. What a client does wrong is answered or ends its connection, and one
 * that does not read is let go before much has gathered for it.
 */
import { renameSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { BcfsError } from '../errors.js';
import { makeDirectory } from '../host/make-directory.js';
import type { HostEvent, HostRequest } from '../host/report.js';
import { Lines, toLine, type ControlReply, type ControlRequest } from './control-protocol.js';

/** Answers what a host can be asked; rejects with a BcfsError to refuse. */
export type Ask = (request: HostRequest) => Promise<unknown>;

/** Characters of a request. */
const LONGEST_REQUEST = 4096;

/** Bytes that may wait for a client to read them: with more, nothing is added any more, and it is let go. */
const MAX_UNREAD = 256 * 1024;

/** Clients at once. */
const MAX_CLIENTS = 64;

/** How long clients may take to read the last line, in milliseconds. */
const LAST_WORDS = 500;

/** All but root's reading and writing. */
const UMASK = 0o177;

export class ControlServer {
  readonly #server: Server;
  readonly #path: string;
  /** Of the socket: what has the path later may be another's. */
  readonly #inode: number;
  readonly #ask: Ask;
  readonly #clients = new Set<Socket>();
  readonly #subscribers = new Set<Socket>();

  /** Made by `serveControl`. */
  constructor(server: Server, ask: Ask, path: string) {
    this.#server = server;
    this.#path = path;
    this.#inode = statSync(path).ino;
    this.#ask = ask;
    server.maxConnections = MAX_CLIENTS;
    server.on('connection', (socket) => this.#welcome(socket));
  }

  /** Tells all who asked for events. Never waits, never throws. */
  event(event: HostEvent): void {
    for (const socket of this.#subscribers) send(socket, { event });
  }

  /** Says so to those who asked for events, and takes the socket away. Resolves when nobody is connected any more. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    if (statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode)
      rmSync(this.#path, { force: true });
    for (const socket of this.#clients) {
      if (this.#subscribers.has(socket)) send(socket, { end: true });
      socket.end();
    }
    const timer = setTimeout(() => this.#clients.forEach((socket) => socket.destroy()), LAST_WORDS);
    await closed;
    clearTimeout(timer);
  }

  #welcome(socket: Socket): void {
    this.#clients.add(socket);
    socket.setEncoding('utf8');
    socket.once('close', () => {
      this.#clients.delete(socket);
      this.#subscribers.delete(socket);
    });
    // Its end is seen by `close`, and by whoever reads it.
    socket.on('error', () => undefined);
    this.#converse(socket).catch(() => socket.destroy());
  }

  /** One request after the other: the next one is read when the last one has been answered. */
  async #converse(socket: Socket): Promise<void> {
    const lines = new Lines(LONGEST_REQUEST);
    for await (const chunk of socket as AsyncIterable<string>) {
      const requests = lines.push(chunk);
      if (!requests) {
        send(
          socket,
          refusal(new BcfsError('E2BIG', `a request has ${LONGEST_REQUEST} characters at the most`)),
        );
        socket.end();
        return;
      }
      for (const request of requests) await this.#answer(socket, request);
    }
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    try {
      const request = parseRequest(line);
      const answer = request.ask === 'events' ? null : await this.#ask(request);
      send(socket, { answer: answer ?? null });
      if (request.ask === 'events' && !socket.destroyed) this.#subscribers.add(socket);
    } catch (error) {
      send(socket, refusal(error));
    }
  }
}

/**
 * Serves a control socket. Its directory is made if need be. What is there is replaced: whoever it is of serves another
 * mount, that has gone, for the kernel gives a device's number to the next mount at once.
 *
 * @param path as `controlPath` gives it
 * @throws an Error of Node's for what bind(2), rename(2) and mkdir(2) refuse
 */
export async function serveControl(path: string, ask: Ask): Promise<ControlServer> {
  makeDirectory(dirname(path));
  // By a name of its own first: Node takes away the name that it has bound, and by then that may be another's.
  const bound = `${path}.${process.pid}`;
  rmSync(bound, { force: true });
  const server = await listen(bound);
  try {
    renameSync(bound, path);
  } catch (error) {
    server.close();
    throw error;
  }
  return new ControlServer(server, ask, path);
}

/** A server whose socket is root's alone from the first moment. */
function listen(path: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      // It could not take a connection, for want of descriptors: the next one may do.
      server.on('error', () => undefined);
      resolve(server);
    });
    const before = process.umask(UMASK);
    // Bound before it returns.
    server.listen(path);
    process.umask(before);
  });
}

function send(socket: Socket, reply: ControlReply): void {
  if (socket.writableLength > MAX_UNREAD) socket.destroy();
  else if (socket.writable) socket.write(toLine(reply));
}

function refusal(error: unknown): ControlReply {
  const code = error instanceof BcfsError ? error.code : 'EIO';
  return { error: { code, message: error instanceof Error ? error.message : String(error) } };
}

/** Each with whether the rest of a request is as it is to be. */
const questions: Readonly<Record<ControlRequest['ask'], (request: object) => boolean>> = {
  status: () => true,
  ps: () => true,
  which: namesPid,
  charge: namesPid,
  drop: () => true,
  events: () => true,
};

function namesPid(request: object): boolean {
  return 'pid' in request && Number.isSafeInteger(request.pid) && Number(request.pid) > 0;
}

/** @throws BcfsError EINVAL */
function parseRequest(line: string): ControlRequest {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch {
    request = undefined;
  }
  if (isRequest(request)) return request;
  const known = Object.keys(questions).join(', ');
  throw new BcfsError(
    'EINVAL',
    `not a request: {"ask": …} with one of ${known}; which and charge have a "pid" too`,
  );
}

function isRequest(value: unknown): value is ControlRequest {
  if (typeof value !== 'object' || value === null || !('ask' in value)) return false;
  const { ask } = value;
  return (
    typeof ask === 'string' && Object.hasOwn(questions, ask) && questions[ask as ControlRequest['ask']](value)
  );
}
