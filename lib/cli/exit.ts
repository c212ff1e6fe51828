/**
 * How the command ends: exit codes and the one line that goes with them. Both are an interface; docs/interface.md
 * and the man page list the codes.
 */
import { BcfsError, type ErrnoName } from '../errors.js';

/** Exit codes by what went wrong. Everything that is not here is FAILURE. */
export const exitCodes = {
  /** Done. */
  OK: 0,
  /** A command in `bcfs sh` failed, or something that has no code of its own. */
  FAILURE: 1,
  /** The command line is wrong: an option, an argument, a mount option. */
  USAGE: 2,
  /** No such mountpoint. */
  NO_MOUNTPOINT: 10,
  /** The mountpoint is not a directory. */
  NOT_A_DIRECTORY: 11,
  /** The mountpoint is not empty. */
  NOT_EMPTY: 12,
  /** Mounted already, or in use. */
  BUSY: 13,
  /** No FUSE on this machine. */
  NO_FUSE: 14,
  /** No permission. */
  NOT_PERMITTED: 15,
  /** What is mounted there does not answer, or did not in time. */
  NO_ANSWER: 16,
  /** No bcfs is mounted there. */
  NOT_MOUNTED: 17,
  /** `bcfs run`: the command cannot be executed. As env(1). */
  NOT_EXECUTABLE: 126,
  /** `bcfs run`: there is no such command. As env(1). */
  NOT_FOUND: 127,
} as const;

const codeOf: Partial<Record<ErrnoName, number>> = {
  ENOENT: exitCodes.NO_MOUNTPOINT,
  ENOTDIR: exitCodes.NOT_A_DIRECTORY,
  ENOTEMPTY: exitCodes.NOT_EMPTY,
  EBUSY: exitCodes.BUSY,
  ENODEV: exitCodes.NO_FUSE,
  EPERM: exitCodes.NOT_PERMITTED,
  EACCES: exitCodes.NOT_PERMITTED,
  ENOTCONN: exitCodes.NO_ANSWER,
  ECONNRESET: exitCodes.NO_ANSWER,
  ETIMEDOUT: exitCodes.NO_ANSWER,
  EINVAL: exitCodes.NOT_MOUNTED,
};

/** How a command failed: what the parent process prints and exits with. */
export interface Failure {
  readonly exitCode: number;
  readonly message: string;
}

/** @param error an Error: nothing else is thrown here */
export function failureOf(error: unknown): Failure {
  const { message } = error as Error;
  const exitCode = error instanceof BcfsError ? codeOf[error.code] : undefined;
  return { exitCode: exitCode ?? exitCodes.FAILURE, message };
}

/** A text with its control characters spelled out, newlines above all: a path may hold any. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => {
    const spelled = JSON.stringify(character).slice(1, -1);
    // JSON has no spelling of its own for DEL and for 0x80 to 0x9f.
    return spelled === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : spelled;
  });
}

/**
 * Prints the one line and ends the process.
 *
 * @param exit Default: after Node has waited for its threads, which a mount that hangs may hold for ever
 */
export function fail(
  { exitCode, message }: Failure,
  exit: (code: number) => never = (code) => process.exit(code),
): never {
  process.stderr.write(`bcfs: ${oneLine(message)}\n`);
  return exit(exitCode);
}
