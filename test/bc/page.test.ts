import t from 'tap';
import { AddressSpace } from '../../lib/bc/address-space.js';
import { Page } from '../../lib/bc/page.js';
import { physpages } from '../../lib/bc/resources/physpages.js';
import { engine, shown } from './engine.js';

/** A mapping of 10 pages in each of beancounters 1 and 2. */
function mappings() {
  const { registry, log } = engine();
  const [one, two] = [registry.get(1), registry.get(2)];
  return {
    registry,
    one: new AddressSpace(one).map(10),
    two: new AddressSpace(two).map(10),
    held: () => [one.counter(physpages).held, two.counter(physpages).held],
    log,
  };
}

t.test('the first beancounter that maps a page pays until its last mapping goes', (t) => {
  const { one, two, held } = mappings();
  const page = new Page();
  t.equal(page.bc, undefined);
  t.equal(page.mapcount, 0);
  two.fault(0, page);
  one.fault(0, page);
  one.fault(1, page);
  t.equal(page.bc, two.bc);
  t.equal(page.mapcount, 3);
  t.strictSame(held(), [0, 1]);
  two.drop(0);
  t.equal(page.bc, two.bc);
  t.strictSame(held(), [0, 1]);
  one.drop(0);
  t.strictSame(held(), [0, 1]);
  one.drop(1);
  t.equal(page.bc, undefined);
  t.equal(page.mapcount, 0);
  t.strictSame(held(), [0, 0]);
  t.end();
});

t.test('a page that nobody maps any more is charged to the next that does', (t) => {
  const { one, two, held } = mappings();
  const page = one.fault(0);
  one.drop(0);
  two.fault(0, page);
  t.equal(page.bc, two.bc);
  t.strictSame(held(), [0, 1]);
  t.end();
});

t.test("a page is charged to the mapping's beancounter, wherever the address space went", (t) => {
  const { registry, one, two, held } = mappings();
  one.mm.setBc(two.bc);
  one.fault(0);
  t.strictSame(held(), [1, 0]);
  t.equal(registry.root.counter(physpages).held, 0);
  t.end();
});

t.test('a page is charged with LIMIT', (t) => {
  const { one } = mappings();
  const counter = one.bc.counter(physpages);
  counter.change(0, 2);
  one.fault(0);
  const shared = one.fault(1);
  const references = one.bc.references;
  const page = new Page();
  t.throws(() => one.fault(2, page), { code: 'ENOMEM' });
  t.match(shown(counter), { held: 2, maxheld: 2, failcnt: 1 });
  t.equal(page.bc, undefined);
  t.equal(page.mapcount, 0);
  t.equal(one.resident.has(2), false);
  t.equal(one.bc.references, references);
  t.doesNotThrow(() => one.fault(2, shared), 'a page that is charged already');
  t.end();
});

t.test('a charged page holds a reference', (t) => {
  const { registry, one, two, log } = mappings();
  const page = one.fault(0);
  two.fault(0, page);
  const { bc, mm } = one;
  t.equal(bc.references, 4, 'directory, address space, mapping, page');
  mm.put();
  bc.put();
  t.equal(registry.find(1), bc, 'the page alone holds it');
  two.drop(0);
  t.equal(registry.find(1), undefined);
  t.equal(bc.counter(physpages).held, 0);
  t.strictSame(log, []);
  t.end();
});

t.test('a place where a page is not mapped lets nothing go', (t) => {
  const { one, two, held } = mappings();
  const page = one.fault(3);
  page.unmap(one, 4);
  page.unmap(two, 3);
  t.equal(page.mapcount, 1);
  new Page().unmap(one, 3);
  t.strictSame(held(), [1, 0]);
  t.end();
});
