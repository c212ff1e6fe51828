import t from 'tap';
import { AddressSpace } from '../../lib/bc/address-space.js';
import { Page } from '../../lib/bc/page.js';
import { physpages } from '../../lib/bc/resources/physpages.js';
import { privvmpages } from '../../lib/bc/resources/privvmpages.js';
import { engine } from './engine.js';

function memory() {
  const { registry, log } = engine();
  const bc = registry.get(1);
  const mm = new AddressSpace(bc);
  return { registry, bc, mm, counter: bc.counter(privvmpages), log };
}

t.test('mmap and brk charge with BARRIER', (t) => {
  const { mm, counter } = memory();
  counter.change(10, 20);
  const heap = mm.map(4);
  heap.grow(6);
  t.throws(() => mm.map(1), { code: 'ENOMEM' });
  t.throws(() => heap.grow(1), { code: 'ENOMEM' });
  t.match(counter, { held: 10, failcnt: 2 });
  t.equal(heap.pages, 10);
  t.equal(mm.mappings.size, 1);
  t.end();
});

t.test('stack growth and what exec maps charge with LIMIT', (t) => {
  const { mm, counter } = memory();
  counter.change(10, 20);
  const stack = mm.mapForExec(12);
  stack.growStack(8);
  t.throws(() => mm.mapForExec(1), { code: 'ENOMEM' });
  t.throws(() => stack.growStack(1), { code: 'ENOMEM' });
  t.match(counter, { held: 20, failcnt: 2 });
  t.equal(stack.pages, 20);
  t.equal(mm.mappings.size, 1);
  t.end();
});

t.test("a mapping is charged to the address space's beancounter, and remembers it", (t) => {
  const { registry, bc, mm, counter, log } = memory();
  const mapping = mm.map(5);
  const two = registry.get(2);
  mm.setBc(two);
  t.equal(mm.bc, two);
  t.equal(mapping.bc, bc);
  t.equal(counter.held, 5);
  t.equal(mm.map(3).bc, two);
  t.equal(two.counter(privvmpages).held, 3);
  bc.put();
  t.equal(registry.find(1), bc, 'the mapping alone holds it');
  mapping.grow(2);
  t.equal(counter.held, 7, 'it grows where it was charged');
  mapping.unmap();
  t.equal(counter.held, 0);
  t.equal(registry.find(1), undefined);
  t.strictSame(log, []);
  t.end();
});

t.test('an address space and each of its mappings hold a reference', (t) => {
  const { bc, mm } = memory();
  t.equal(bc.references, 2);
  mm.map(1);
  mm.map(1, { writable: false });
  t.equal(bc.references, 4);
  mm.put();
  t.equal(bc.references, 1);
  t.end();
});

t.test('the mappings go with the last user', (t) => {
  const { mm, counter } = memory();
  mm.map(1);
  mm.map(2);
  t.equal(mm.get(), mm);
  mm.put();
  t.equal(counter.held, 3);
  mm.put();
  t.equal(counter.held, 0);
  t.equal(mm.mappings.size, 0);
  t.end();
});

t.test('an address space without users is EINVAL', (t) => {
  const { bc, mm } = memory();
  mm.put();
  t.throws(() => mm.get(), { code: 'EINVAL' });
  t.throws(() => mm.put(), { code: 'EINVAL' });
  t.throws(() => mm.map(1), { code: 'EINVAL' });
  t.throws(() => mm.mapForExec(1), { code: 'EINVAL' });
  t.throws(() => mm.copy(bc), { code: 'EINVAL' });
  t.throws(() => mm.setBc(bc), { code: 'EINVAL' });
  t.equal(bc.references, 1);
  t.end();
});

t.test('a copy is charged with BARRIER for the mappings that count, and inherits no lock', (t) => {
  const { registry, mm, counter } = memory();
  mm.map(1);
  mm.map(2, { writable: false });
  mm.map(4, { writable: false, locked: true });
  mm.map(8, { shared: true });
  mm.map(16, { shared: true, anonymous: false });
  mm.map(32, { locked: true });
  t.equal(counter.held, 1 + 4 + 8 + 32);
  const two = registry.get(2);
  two.counter(privvmpages).change(41, 100);
  const copy = mm.copy(two);
  t.equal(two.counter(privvmpages).held, 1 + 8 + 32);
  t.strictSame(
    [...copy.mappings].map(({ pages, writable, shared, anonymous, locked, bc }) => [
      pages,
      writable,
      shared,
      anonymous,
      locked,
      bc.id,
    ]),
    [
      [1, true, false, true, false, 2],
      [2, false, false, true, false, 2],
      [4, false, false, true, false, 2],
      [8, true, true, true, false, 2],
      [16, true, true, false, false, 2],
      [32, true, false, true, false, 2],
    ],
  );
  t.throws(() => mm.copy(two), { code: 'ENOMEM' });
  t.equal(counter.held, 45, 'the original stays charged as it was');
  t.end();
});

t.test('a copy shares the resident pages, which their first user goes on paying', (t) => {
  const { registry, bc, mm } = memory();
  const mapping = mm.map(4);
  const page = mapping.fault(2);
  const two = registry.get(2);
  const copy = mm.copy(two);
  t.equal(page.mapcount, 2);
  t.equal([...copy.mappings][0]!.resident.get(2), page);
  t.equal(bc.counter(physpages).held, 1);
  t.equal(two.counter(physpages).held, 0);
  mm.put();
  t.equal(bc.counter(physpages).held, 1);
  copy.put();
  t.equal(bc.counter(physpages).held, 0);
  t.equal(bc.references, 1);
  t.end();
});

t.test('a copy that is refused leaves nothing charged and nothing mapped', (t) => {
  const { registry, mm } = memory();
  const page = mm.map(4).fault(0, new Page());
  mm.map(5);
  const two = registry.get(2);
  two.counter(privvmpages).change(8, 8);
  t.throws(() => mm.copy(two), { code: 'ENOMEM' });
  t.match(two.counter(privvmpages), { held: 0, maxheld: 4, failcnt: 1 });
  t.equal(two.references, 1);
  t.equal(page.mapcount, 1);
  t.end();
});
