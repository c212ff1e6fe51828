/**
 * The small files by which the kernel tells and is told: those of cgroups, and /proc.
 *
 * Each is opened, read with one read(2), and closed: a descriptor held for each of 100,000 groups would be more than
 * a process may have.
 */
import { accessSync, closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { BcfsError, errno, strerror, type ErrnoName } from '../errors.js';

/** Bytes: more than any file has that is read in one read. memory.stat, the longest, has about 2,000. */
const SIZE = 16_384;

/** What is read passes through it. Nothing here is asynchronous, so there is never more than one reader. */
const buffer = Buffer.allocUnsafeSlow(SIZE);

const O_WRITE = constants.O_WRONLY | constants.O_TRUNC;
const ZERO = 0x30;

/**
 * The content of a file of less than 16 KiB.
 *
 * @throws BcfsError ENOENT and the other errnos of open(2) and read(2)
 */
export function readText(path: string): string {
  return buffer.toString('latin1', 0, fill(path));
}

/** As `readText`; undefined if there is no such file. */
export function readTextIfThere(path: string): string | undefined {
  return ifThere(() => readText(path));
}

/**
 * The decimal number that a file begins with; of one above 2^53 the nearest that there is.
 *
 * @throws BcfsError as `readText`; EIO if it does not begin with a number
 */
export function readNumber(path: string): number {
  const count = fill(path);
  let value = 0;
  let i = 0;
  for (; i < count; i++) {
    const digit = buffer.readUInt8(i) - ZERO;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (i === 0) throw new BcfsError('EIO', `${path}: not a number: ${buffer.toString('latin1', 0, count)}`);
  return value;
}

/** As `readNumber`; undefined if there is no such file. */
export function readNumberIfThere(path: string): number | undefined {
  return ifThere(() => readNumber(path));
}

/** The number after a name, in text of lines `name number`; undefined if there is no such line. */
export function field(text: string, name: string): number | undefined {
  const found = text.startsWith(`${name} `) ? 0 : text.indexOf(`\n${name} `) + 1;
  if (found === 0 && !text.startsWith(`${name} `)) return undefined;
  return parseInt(text.slice(found + name.length + 1, found + name.length + 25), 10);
}

/**
 * Writes to a file that is there, with one write(2).
 *
 * @throws BcfsError the errnos of open(2), and what the kernel answers
 */
export function writeText(path: string, text: string): void {
  try {
    const fd = openSync(path, O_WRITE);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asBcfsError(error, `${path}: ${text}`);
  }
}

/** Whether a file may be written, or in a directory something made. */
export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a call of node:fs threw, under the errno's name. @param what was done, or to what */
export function asBcfsError(error: unknown, what: string): BcfsError {
  const code = codeOf(error);
  return new BcfsError(code, `${what}: ${strerror(code)}`, { cause: error });
}

function codeOf(error: unknown): ErrnoName {
  const { code = '' } = error as NodeJS.ErrnoException;
  // Linux has one number for the two.
  if (code === 'ENOTSUP') return 'EOPNOTSUPP';
  return Object.hasOwn(errno, code) ? (code as ErrnoName) : 'EIO';
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof BcfsError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Reads a file into the buffer. @returns how many bytes */
function fill(path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY);
    try {
      return readSync(fd, buffer, 0, SIZE, null);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asBcfsError(error, path);
  }
}
