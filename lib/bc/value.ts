/**
 * Values of counters and parameters: the kernel's 64-bit `unsigned long`.
 *
 * What is counted (held and its kin) is a safe integer, for that is what a charge can add to without
 * allocating. What is configured (barrier, limit) is a bigint, exact to MAXVALUE.
 */
import { BcfsError } from '../errors.js';

/** "Unlimited": LONG_MAX of a 64-bit kernel, the largest barrier or limit there is (v6.md, the engine). */
export const MAXVALUE = 2n ** 63n - 1n;

/** The largest value that a counter reaches: 2^53 - 1. A charge beyond it is refused like one over the limit. */
export const MAXHELD = Number.MAX_SAFE_INTEGER;

/**
 * `people` takes what people type: one trailing newline is ignored, a number that does not fit is refused.
 * `strict` is v6 to the letter: a newline is not a digit, and a number wraps at its width.
 */
export type Dialect = 'people' | 'strict';

/**
 * Parses a whole buffer as one unsigned decimal number of `bits` bits.
 *
 * @returns the number; undefined if the text is anything else (v6.md, our two dialects)
 */
export function parseUnsigned(text: string, dialect: Dialect, bits: number): bigint | undefined {
  const digits = dialect === 'people' && text.endsWith('\n') ? text.slice(0, -1) : text;
  if (!/^[0-9]+$/.test(digits)) return undefined;
  const value = BigInt(digits);
  if (dialect === 'strict') return BigInt.asUintN(bits, value);
  return value < 1n << BigInt(bits) ? value : undefined;
}

/** Prints a value as every attribute shows it: decimal, and a newline. */
export function printValue(value: number | bigint): string {
  return `${value}\n`;
}

/**
 * A parameter given by a program: a bigint, or a safe integer.
 *
 * @throws BcfsError EINVAL for a number that is not a safe integer, and for anything below zero
 */
export function toValue(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new BcfsError('EINVAL', `${value} is not a whole number that is exact: use a bigint`);
  }
  if (value < 0) throw new BcfsError('EINVAL', `${value} is below zero`);
  return BigInt(value);
}
