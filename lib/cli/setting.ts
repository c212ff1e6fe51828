/** `--set resource=value` and `--set resource=barrier:limit` of `bcfs run`, as people write amounts. */
import { InvalidArgumentError } from 'commander';
import { standardResources } from '../bc/registry.js';
import { MAXVALUE } from '../bc/value.js';
import { PAGE_SIZE } from '../host/page-size.js';

/** The parameters that a resource is to have, in its unit. */
export interface Setting {
  readonly resource: string;
  readonly barrier: bigint;
  readonly limit: bigint;
}

/** Bytes. */
const PAGE = BigInt(PAGE_SIZE);

/** Bytes, by their suffix. */
const multiples: Readonly<Record<string, bigint>> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n };

/**
 * Adds one `--set` argument to the earlier ones; commander calls it for each.
 *
 * @throws InvalidArgumentError for what is no setting, so that nothing has happened yet
 */
export function parseSetting(argument: string, settings: readonly Setting[] = []): readonly Setting[] {
  const refuse = (why: string): never => {
    throw new InvalidArgumentError(`--set ${argument}: ${why}`);
  };
  const [, resource = '', amounts = ''] =
    /^([a-z0-9_]+)=(.*)$/s.exec(argument) ?? refuse('it is to be RESOURCE=VALUE or RESOURCE=BARRIER:LIMIT');
  const [first = '', second = first, ...others] = amounts.split(':');
  if (others.length > 0) refuse('two values at the most, BARRIER:LIMIT');
  if (settings.some((each) => each.resource === resource)) refuse(`${resource} is set twice`);
  const unit = standardResources.find(({ name }) => name === resource)?.unit ?? 'items';
  const [barrier, limit] = [first, second].map((amount) => {
    try {
      return parseAmount(amount, unit);
    } catch (error) {
      return refuse((error as Error).message);
    }
  }) as [bigint, bigint];
  if (barrier > limit) refuse('the barrier is above the limit');
  return [...settings, { resource, barrier, limit }];
}

/**
 * @param unit of the resource: `bytes`, `pages`, or what has no size
 * @returns in that unit
 */
function parseAmount(text: string, unit: string): bigint {
  if (text === 'unlimited') return MAXVALUE;
  const [, digits, suffix = ''] = /^([0-9]+)([KMG]?)$/.exec(text) ?? [];
  if (digits === undefined) {
    throw new Error(`not a number, K, M or G behind it for bytes, nor unlimited: ${JSON.stringify(text)}`);
  }
  const value = inUnit(BigInt(digits), suffix, unit);
  if (value > MAXVALUE) throw new Error(`above ${MAXVALUE}, which is unlimited`);
  return value;
}

function inUnit(number: bigint, suffix: string, unit: string): bigint {
  const multiple = multiples[suffix];
  if (multiple === undefined) return number;
  const bytes = number * multiple;
  if (unit === 'bytes') return bytes;
  if (unit !== 'pages') throw new Error(`${suffix} is for bytes, and these are ${unit}`);
  if (bytes % PAGE !== 0n)
    throw new Error(`${number}${suffix} is not a whole number of pages of ${PAGE} bytes`);
  return bytes / PAGE;
}
