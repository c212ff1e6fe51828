/**
 * The transport that speaks the kernel's protocol itself, over /dev/fuse: no libfuse, and no thread between a
 * request and its answer.
 *
 * Either the thread that owns the tree does nothing else and serves requests as they come (`serveBlocking`), or it
 * is an embedding program's own thread, and requests are read beside whatever else it does (`devFuse`).
 */
import { closeSync, read as readAsync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { errno, errnoName, type Errno } from '../errors.js';
import { mountDevice } from './device.js';
import { Line } from './line.js';
import { drain, Pollset, read, write } from './native.js';
import { Session } from './protocol/session.js';
import { SPIN } from './spin.js';
import type { Transport } from './transport.js';

/** Milliseconds between two ticks. */
const TICK = 1000;
/** For poll(2). */
const FOR_EVER = -1;

/** How long to wait for the kernel to be ready for a notification that it was not, in milliseconds. */
const RETRY = 10;

/** Serves a tree on the thread that mounts it, beside everything else that the thread does. */
export const devFuse: Transport = (tree, mountpoint, options) => {
  const fd = mountDevice(mountpoint, options, false);
  let connected = true;
  let isPlanned = false;
  const plan = (milliseconds: number): void => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(() => {
      isPlanned = false;
      // Its number may be another's by now.
      if (!connected) return;
      notify(fd, session);
      if (session.hasNews) plan(RETRY);
    }, milliseconds);
  };
  const session = new Session(tree, { log: options.log, onNews: () => plan(0) });
  const ended = new Promise<void>((resolve) => {
    const next = (): void => {
      readAsync(fd, session.request.bytes, 0, session.request.bytes.length, null, (error, length) => {
        const result = error ? Number(error.errno) : length;
        if (answer(fd, session, result)) next();
        else {
          connected = false;
          session.close();
          closeSync(fd);
          resolve();
        }
      });
    };
    next();
  });
  return Promise.resolve({ isConnected: () => connected, ended });
};

export interface BlockingOptions {
  /** An eventfd; when another thread makes it readable, serving ends. */
  readonly stop: number;
  /** What to do when another thread has made an eventfd readable. */
  readonly attend?: { readonly fd: number; readonly run: () => void } | undefined;
  /** Runs between two requests, about once a second. @returns whether it has to run again though nothing is asked */
  readonly tick: () => boolean;
  /** Is told when clients begin to wait in line, and when none does any more: see `Line`. */
  readonly crowd?: (isCrowded: boolean) => void;
  /** Called when a request or the tick begins, and when it has ended: see `Pulse`. */
  readonly beat?: () => void;
}

/** Serves a session on a descriptor opened as nonblocking, and does nothing else until the mount has gone. */
export function serveBlocking(
  fd: number,
  session: Session,
  { stop, attend, tick, crowd, beat }: BlockingOptions,
): void {
  const pollset = new Pollset([fd, stop, ...(attend ? [attend.fd] : [])]);
  let lastRequest = 0;
  let lastTick = performance.now();
  let isTicking = true;
  const line = crowd && new Line(crowd);
  for (let isServing = true; isServing;) {
    const length = read(fd, session.request.bytes);
    const now = performance.now();
    if (now - lastTick >= TICK) {
      lastTick = now;
      beat?.();
      isTicking = tick();
      beat?.();
      notify(fd, session);
      // Or nobody who asks would be answered while clients keep it busy.
      attend?.run();
    }
    if (length === -errno.EAGAIN) {
      line?.pause();
      if (now - lastRequest < SPIN) continue;
      pollset.wait(session.hasNews ? RETRY : isTicking ? TICK : FOR_EVER);
      isServing = !pollset.isReady(1);
      if (attend && pollset.isReady(2)) {
        drain(attend.fd);
        attend.run();
        isTicking = true;
      }
      notify(fd, session);
      continue;
    }
    lastRequest = now;
    isTicking = true;
    beat?.();
    isServing = answer(fd, session, length);
    beat?.();
    line?.answered(session.pid);
  }
  session.close();
}

/** Tells the kernel of what changed without its doing. It never waits: see protocol/notifications.ts. */
function notify(fd: number, session: Session): void {
  if (session.hasNews) session.notify((bytes, size) => write(fd, bytes, size));
}

/**
 * Answers what a read of the device gave.
 *
 * @returns whether there is more to come
 */
function answer(fd: number, session: Session, length: number | Errno): boolean {
  if (length > 0) {
    const size = session.handle(length);
    // A refusal: the request was interrupted, or the mount has gone, which the next read says.
    if (size > 0) write(fd, session.reply.bytes, size);
    notify(fd, session);
    return true;
  }
  // ENOENT: a request that was interrupted before it was read. EINTR, EAGAIN: nothing was read.
  return ['ENOENT', 'EINTR', 'EAGAIN'].includes(errnoName(length));
}
