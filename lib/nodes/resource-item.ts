/** `<id>/<resource>/`: one counter, shown as v6 shows it. Source: v6.md, the tree (patch 5). */
import type { Counter } from '../bc/counter.js';
import type { Figure, Source } from '../bc/source.js';
import { parseUnsigned, printValue, type Dialect } from '../bc/value.js';
import type { Attribute } from '../configfs/attribute.js';
import { Item } from '../configfs/item.js';
import { BcfsError } from '../errors.js';

/** Counters and parameters are the kernel's unsigned long. */
const LONG_BITS = 64;

/** What all items of a tree have in common. */
export interface ResourceContext {
  readonly dialect: Dialect;
  readonly source: Source;
}

export class ResourceItem extends Item {
  readonly counter: Counter;
  readonly context: ResourceContext;

  constructor(counter: Counter, context: ResourceContext) {
    super();
    this.counter = counter;
    this.context = context;
  }

  /** A figure as it is now, in the resource's unit. */
  current(figure: Figure): number {
    const { counter, context } = this;
    context.source.refresh?.(counter, figure);
    return counter[figure];
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
    store: ({ counter, context }, text) => counter.change(parse(text, context.dialect), counter.limit),
  },
  {
    name: 'limit',
    mode: 0o644,
    show: ({ counter }) => printValue(counter.limit),
    store: ({ counter, context }, text) => counter.change(counter.barrier, parse(text, context.dialect)),
  },
  { name: 'held', mode: 0o444, show: (item) => printValue(item.current('held')) },
  { name: 'maxheld', mode: 0o444, show: (item) => printValue(item.current('maxheld')) },
  { name: 'minheld', mode: 0o444, show: ({ counter }) => printValue(counter.minheld) },
  { name: 'failcnt', mode: 0o444, show: (item) => printValue(item.current('failcnt')) },
];

function parse(text: string, dialect: Dialect): bigint {
  const value = parseUnsigned(text, dialect, LONG_BITS);
  if (value === undefined) throw new BcfsError('EINVAL', 'not an unsigned decimal number of 64 bits');
  return value;
}
