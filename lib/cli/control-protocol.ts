/**
 * What is said over the control socket of a daemon: JSON, one value on a line.
 *
 * A client writes requests, the daemon answers each with one reply, in their order. After `events` has been answered
 * the events follow as they happen, and a last line if the daemon ends of its own accord. docs/commands.md has the
 * protocol for people.
 */
import type { ErrnoName } from '../errors.js';
import type { HostEvent, HostRequest } from '../host/report.js';
import { geteuid } from '../user.js';

export type ControlRequest = HostRequest | { readonly ask: 'events' };

export type ControlReply =
  | { readonly answer: unknown }
  | { readonly error: { readonly code: ErrnoName; readonly message: string } }
  | { readonly event: HostEvent }
  /** The daemon ends. */
  | { readonly end: true };

/** Where daemons have their sockets, locks and state files, unless the environment says otherwise. */
export function controlDirectory(): string {
  const { BCFS_RUNTIME_DIRECTORY, XDG_RUNTIME_DIR } = process.env;
  if (BCFS_RUNTIME_DIRECTORY !== undefined) return BCFS_RUNTIME_DIRECTORY;
  const uid = geteuid();
  return uid === 0 ? '/run/bcfs' : `${XDG_RUNTIME_DIR ?? '/tmp'}/bcfs-${uid}`;
}

const SUFFIX = '.sock';

/** The socket of the daemon that serves a mount. @param device of the mount, as mountinfo has it */
export function controlPath(device: string): string {
  return `${controlDirectory()}/${device}${SUFFIX}`;
}

/** Whether a file in that directory is a socket of a daemon. */
export function isControlName(name: string): boolean {
  return name.endsWith(SUFFIX);
}

/** A value as a line. */
export function toLine(value: ControlRequest | ControlReply): string {
  return `${JSON.stringify(value)}\n`;
}

/** Cuts a stream of text into lines. */
export class Lines {
  #rest = '';
  readonly #longest: number;

  /** @param longest characters of a line. Default: no limit */
  constructor(longest = Infinity) {
    this.#longest = longest;
  }

  /** @returns the lines that end in this piece; undefined if one is too long */
  push(text: string): string[] | undefined {
    const lines = (this.#rest + text).split('\n');
    if (lines.some((line) => line.length > this.#longest)) return undefined;
    this.#rest = lines.splice(-1).join();
    return lines;
  }
}
