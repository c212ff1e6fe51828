/** Waiting with a limit for what may never come: a daemon or a mount that hangs. */
import { setTimeout as delay } from 'node:timers/promises';
import { BcfsError } from './errors.js';

/** How long a daemon or its mount may take to answer, in milliseconds. */
export const ANSWER_TIME = 5000;

/**
 * What comes of `promise`, or, if nothing does, of `late`.
 *
 * @param limit milliseconds
 */
export async function orElse<T, L>(promise: Promise<T>, late: () => L, limit = ANSWER_TIME): Promise<T | L> {
  const settled = new AbortController();
  const tooLate = delay(limit, undefined, { signal: settled.signal }).then(late);
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    tooLate.catch(() => undefined);
    settled.abort();
  }
}

/**
 * What comes of `promise`.
 *
 * @param late what is said if nothing does
 * @param limit milliseconds
 * @throws BcfsError ETIMEDOUT
 */
export function inTime<T>(promise: Promise<T>, late: string, limit = ANSWER_TIME): Promise<T> {
  const refuse = (): never => {
    throw new BcfsError('ETIMEDOUT', late);
  };
  return orElse(promise, refuse, limit);
}
