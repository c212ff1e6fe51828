/** `<id>/<resource>/`: one counter, shown as v6 shows it. Source: v6.md, the tree (patch 5). */
import type { Counter } from '../bc/counter.js';
import { parseUnsigned, printValue, type Dialect } from '../bc/value.js';
import type { Attribute } from '../configfs/attribute.js';
import { Item } from '../configfs/item.js';
import { BcfsError } from '../errors.js';

/** Counters and parameters are the kernel's unsigned long. */
const LONG_BITS = 64;

export class ResourceItem extends Item {
  readonly counter: Counter;
  readonly dialect: Dialect;

  constructor(counter: Counter, dialect: Dialect) {
    super();
    this.counter = counter;
    this.dialect = dialect;
  }

  override get attributes(): readonly Attribute[] {
    return attributes;
  }
}

const attributes: readonly Attribute<ResourceItem>[] = [
  {
    name: 'barrier',
    mode: 0o644,
    show: ({ counter }) => printValue(counter.barrier),
    store: ({ counter, dialect }, text) => counter.change(parse(text, dialect), counter.limit),
  },
  {
    name: 'limit',
    mode: 0o644,
    show: ({ counter }) => printValue(counter.limit),
    store: ({ counter, dialect }, text) => counter.change(counter.barrier, parse(text, dialect)),
  },
  { name: 'held', mode: 0o444, show: ({ counter }) => printValue(counter.held) },
  { name: 'maxheld', mode: 0o444, show: ({ counter }) => printValue(counter.maxheld) },
  { name: 'minheld', mode: 0o444, show: ({ counter }) => printValue(counter.minheld) },
  { name: 'failcnt', mode: 0o444, show: ({ counter }) => printValue(counter.failcnt) },
];

function parse(text: string, dialect: Dialect): bigint {
  const value = parseUnsigned(text, dialect, LONG_BITS);
  if (value === undefined) throw new BcfsError('EINVAL', 'not an unsigned decimal number of 64 bits');
  return value;
}
