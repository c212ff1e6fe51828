/** Medians, and rounds that take turns, so that what else the machine does falls on all alike. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the share `q` of them lies, the nearest one that was measured. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}

/**
 * How many times `other` `one` is, by what both gave in the same rounds: the median of what each round says, for the
 * speed of the machine changes from one to the next. NaN if one of them was not there.
 */
export function timesInRounds(
  one: readonly number[] | undefined,
  other: readonly number[] | undefined,
): number {
  if (!one || !other) return NaN;
  return median(one.map((value, round) => value / (other[round] ?? NaN)));
}

/** Nanoseconds that a call takes. */
export function time(call: () => void): number {
  const start = process.hrtime.bigint();
  call();
  return Number(process.hrtime.bigint() - start);
}

/**
 * Runs every contender once per round, each round starting with the next of them.
 *
 * @returns for each contender, what it gave in each round
 */
export async function interleave<K extends string, T = number>(
  rounds: number,
  contenders: Readonly<Record<K, () => T | Promise<T>>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(contenders) as K[];
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<K, T[]>;
  for (let round = 0; round < rounds; round += 1) {
    const first = round % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      results[name].push(await contenders[name]());
    }
  }
  return results;
}
