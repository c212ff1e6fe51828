import t from 'tap';
import { AddressSpace } from '../../lib/bc/address-space.js';
import type { MappingOptions } from '../../lib/bc/mapping.js';
import { Page } from '../../lib/bc/page.js';
import { physpages } from '../../lib/bc/resources/physpages.js';
import { privvmpages } from '../../lib/bc/resources/privvmpages.js';
import { MAXHELD } from '../../lib/bc/value.js';
import { engine, shown } from './engine.js';

function memory() {
  const { registry, log } = engine();
  const bc = registry.get(1);
  const mm = new AddressSpace(bc);
  return { registry, bc, mm, counter: bc.counter(privvmpages), log };
}

/** Every mapping there is. */
const kinds: readonly (MappingOptions & { readonly shared: boolean; readonly anonymous: boolean })[] = [
  false,
  true,
].flatMap((shared) =>
  [false, true].flatMap((anonymous) =>
    [false, true].flatMap((writable) =>
      [false, true].map((locked) => ({ shared, anonymous, writable, locked })),
    ),
  ),
);

/** Those that count, in the words of v6.md: when locked, or writable and (anonymous or not shared). */
const counting = new Set([
  'writable private file',
  'writable private anonymous',
  'writable shared anonymous',
  'locked writable private file',
  'locked writable private anonymous',
  'locked writable shared anonymous',
  'locked writable shared file',
  'locked private file',
  'locked private anonymous',
  'locked shared file',
  'locked shared anonymous',
]);

function named({ shared, anonymous, writable, locked }: MappingOptions): string {
  const words = [locked && 'locked', writable && 'writable', shared ? 'shared' : 'private'];
  return [...words, anonymous ? 'anonymous' : 'file'].filter(Boolean).join(' ');
}

t.test('a mapping counts when it is locked, or writable and (anonymous or not shared)', (t) => {
  for (const kind of kinds) {
    const { mm, counter, bc } = memory();
    const mapping = mm.map(3, kind);
    const expected = counting.has(named(kind));
    t.equal(mapping.counts, expected, named(kind));
    t.equal(counter.held, expected ? 3 : 0, named(kind));
    mapping.unmap();
    t.equal(counter.held, 0, named(kind));
    t.equal(bc.references, 2, named(kind));
  }
  t.equal(kinds.length, 16);
  t.end();
});

t.test('a mapping is private, anonymous, writable and not locked unless it is said', (t) => {
  const { mm } = memory();
  t.match(mm.map(1), {
    shared: false,
    anonymous: true,
    writable: true,
    locked: false,
    counts: true,
    pages: 1,
  });
  t.end();
});

t.test('mprotect and mlock charge or uncharge when they change whether a mapping counts', (t) => {
  for (const from of kinds) {
    for (const change of ['protect', 'lock'] as const) {
      for (const on of [false, true]) {
        const to = { ...from, ...(change === 'protect' ? { writable: on } : { locked: on }) };
        const { mm, counter } = memory();
        const mapping = mm.map(3, from);
        mapping[change](on);
        const title = `${named(from)}: ${change}(${String(on)})`;
        t.equal(counter.held, counting.has(named(to)) ? 3 : 0, title);
        t.match(mapping, { writable: to.writable, locked: to.locked, pages: 3 }, title);
        t.equal(counter.maxheld, counting.has(named(from)) || counting.has(named(to)) ? 3 : 0, title);
      }
    }
  }
  t.end();
});

t.test('mprotect and mlock charge with BARRIER, and change nothing where they are refused', (t) => {
  const { mm, counter } = memory();
  counter.change(5, 100);
  mm.map(3);
  const mapping = mm.map(3, { writable: false });
  t.throws(() => mapping.protect(true), { code: 'ENOMEM' });
  t.throws(() => mapping.lock(true), { code: 'ENOMEM' });
  t.match(mapping, { writable: false, locked: false, counts: false });
  t.match(counter, { held: 3, failcnt: 2 });
  counter.change(6, 100);
  mapping.lock(true);
  mapping.protect(true);
  t.equal(counter.held, 6, 'once');
  mapping.lock(false);
  t.equal(counter.held, 6, 'for it is writable');
  mapping.protect(false);
  t.equal(counter.held, 3);
  t.end();
});

t.test('a mapping that does not count is never refused', (t) => {
  const { mm, counter } = memory();
  counter.change(0, 0);
  const text = mm.map(1000, { writable: false, anonymous: false });
  text.grow(1000);
  text.growStack(1000);
  t.equal(text.pages, 3000);
  t.match(counter, { held: 0, failcnt: 0 });
  t.end();
});

t.test('a number of pages is a whole number above 0', (t) => {
  const { mm, counter } = memory();
  const mapping = mm.map(2);
  for (const bad of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    t.throws(() => mm.map(bad), { code: 'EINVAL' }, `map ${bad}`);
    t.throws(() => mapping.grow(bad), { code: 'EINVAL' }, `grow ${bad}`);
    t.throws(() => mapping.growStack(bad), { code: 'EINVAL' }, `growStack ${bad}`);
    t.throws(() => mapping.truncate(bad), { code: 'EINVAL' }, `truncate ${bad}`);
  }
  t.match(counter, { held: 2, maxheld: 2, failcnt: 0 });
  t.equal(mm.mappings.size, 1);
  t.end();
});

t.test('no mapping is longer than 2^53 - 1 pages', (t) => {
  const { mm, counter } = memory();
  const [text, more] = [mm.map(MAXHELD, { writable: false }), mm.map(1, { writable: false })];
  t.throws(() => text.grow(1), { code: 'EINVAL' });
  t.equal(text.merge(more), false);
  t.equal(text.pages, MAXHELD);
  const heap = mm.map(MAXHELD);
  t.throws(() => heap.grow(1), { code: 'ENOMEM' });
  t.match(counter, { held: MAXHELD, failcnt: 1 });
  t.end();
});

t.test('a mapping that is cut stays charged for what is left', (t) => {
  const { mm, counter, bc } = memory();
  const mapping = mm.map(10);
  mapping.fault(3);
  mapping.fault(4);
  mapping.truncate(4);
  t.equal(mapping.pages, 4);
  t.equal(counter.held, 4);
  t.strictSame([...mapping.resident.keys()], [3]);
  t.equal(bc.counter(physpages).held, 1);
  t.equal(bc.references, 2 + 1 + 1, 'directory, address space, mapping, page');
  t.throws(() => mapping.truncate(4), { code: 'EINVAL' });
  t.end();
});

t.test('a split recharges nothing', (t) => {
  for (const kind of kinds) {
    const { registry, mm, counter, bc } = memory();
    const mapping = mm.map(10, kind);
    const [low, high] = [mapping.fault(2), mapping.fault(7)];
    counter.change(0, 0);
    mm.setBc(registry.get(2));
    const before = shown(counter);
    const tail = mapping.split(6);
    t.strictSame(shown(counter), before, named(kind));
    t.match(tail, { ...kind, pages: 4, bc }, named(kind));
    t.match(mapping, { ...kind, pages: 6, bc }, named(kind));
    t.strictSame([...mapping.resident], [[2, low]]);
    t.strictSame([...tail.resident], [[1, high]]);
    t.equal(high.mapcount, 1);
    t.equal(bc.counter(physpages).maxheld, 2);
    mapping.unmap();
    t.equal(counter.held, tail.counts ? 4 : 0, named(kind));
    tail.unmap();
    t.equal(counter.held, 0, named(kind));
    t.equal(bc.counter(physpages).held, 0);
    t.equal(bc.references, 1);
  }
  t.end();
});

t.test('a mapping is split inside', (t) => {
  const { mm } = memory();
  const mapping = mm.map(4);
  for (const bad of [0, -1, 4, 5, 1.5, NaN]) {
    t.throws(() => mapping.split(bad), { code: 'EINVAL' }, `${bad}`);
  }
  t.equal(mm.mappings.size, 1);
  t.end();
});

t.test('alike mappings of one beancounter merge, and nothing is recharged', (t) => {
  for (const kind of kinds) {
    const { mm, counter, bc } = memory();
    const [head, next] = [mm.map(3, kind), mm.map(4, kind)];
    const page = next.fault(1);
    counter.change(0, 0);
    const before = counter.held;
    t.equal(head.merge(next), true, named(kind));
    t.match(head, { ...kind, pages: 7 });
    t.strictSame([...head.resident], [[4, page]]);
    t.equal(page.mapcount, 1);
    t.equal(counter.held, before);
    t.strictSame([...mm.mappings], [head]);
    t.throws(() => next.unmap(), { code: 'EINVAL' });
    head.unmap();
    t.equal(counter.held, 0);
    t.equal(bc.references, 2);
  }
  t.end();
});

t.test('mappings of different beancounters never merge', (t) => {
  const { registry, mm, counter } = memory();
  const head = mm.map(3);
  const two = registry.get(2);
  mm.setBc(two);
  const next = mm.map(4);
  t.equal(head.merge(next), false);
  t.equal(next.merge(head), false);
  t.equal(counter.held, 3);
  t.equal(two.counter(privvmpages).held, 4);
  t.equal(mm.mappings.size, 2);
  t.end();
});

t.test('mappings that differ do not merge', (t) => {
  const { bc, mm, counter } = memory();
  const head = mm.map(3);
  for (const [title, other] of [
    ['itself', head],
    ['of another address space', new AddressSpace(bc).map(3)],
    ['shared', mm.map(3, { shared: true })],
    ['of a file', mm.map(3, { anonymous: false })],
    ['read-only', mm.map(3, { writable: false })],
    ['locked', mm.map(3, { locked: true })],
  ] as const) {
    const before = counter.held;
    t.equal(head.merge(other), false, title);
    t.match([head.pages, other.pages, counter.held], [3, 3, before], title);
  }
  t.end();
});

t.test('a fault makes one page resident at one index', (t) => {
  const { mm, bc } = memory();
  const mapping = mm.map(2);
  const page = mapping.fault(1);
  t.equal(mapping.resident.get(1), page);
  t.throws(() => mapping.fault(1), { code: 'EEXIST' });
  for (const bad of [-1, 2, 0.5, NaN]) t.throws(() => mapping.fault(bad), { code: 'EINVAL' }, `${bad}`);
  t.equal(bc.counter(physpages).held, 1);
  mapping.drop(0);
  t.equal(bc.counter(physpages).held, 1, 'nothing was there');
  mapping.drop(1);
  t.equal(bc.counter(physpages).held, 0);
  t.equal(mapping.resident.size, 0);
  t.end();
});

t.test('a page may be resident at two indices of one mapping', (t) => {
  const { mm, bc } = memory();
  const mapping = mm.map(2);
  const page = mapping.fault(0);
  mapping.fault(1, page);
  t.equal(page.mapcount, 2);
  t.equal(bc.counter(physpages).held, 1);
  mapping.drop(0);
  t.equal(bc.counter(physpages).held, 1);
  mapping.drop(1);
  t.equal(bc.counter(physpages).held, 0);
  t.end();
});

t.test('what is unmapped is EINVAL', (t) => {
  const { bc, mm, counter } = memory();
  const [gone, there] = [mm.map(2), mm.map(2)];
  gone.unmap();
  for (const [title, use] of [
    ['unmap', () => gone.unmap()],
    ['grow', () => gone.grow(1)],
    ['growStack', () => gone.growStack(1)],
    ['protect', () => gone.protect(false)],
    ['lock', () => gone.lock(true)],
    ['fault', () => gone.fault(0, new Page())],
    ['split', () => gone.split(1)],
    ['truncate', () => gone.truncate(1)],
    ['merge', () => gone.merge(there)],
    ['be merged', () => there.merge(gone)],
  ] as const) {
    t.throws(use, { code: 'EINVAL' }, title);
  }
  t.match(counter, { held: 2, maxheld: 4 });
  t.equal(bc.counter(physpages).maxheld, 0);
  t.equal(bc.references, 3);
  t.end();
});
