import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { numfiles } from '../../lib/bc/resources/numfiles.js';
import { custom, engine } from './engine.js';

t.test('a beancounter lives until its last reference goes', (t) => {
  const { registry, log } = engine();
  const bc = registry.get(1);
  t.equal(bc.references, 1);
  t.equal(bc.get(), bc);
  t.equal(bc.references, 2);
  bc.put();
  t.equal(registry.find(1), bc);
  bc.put();
  t.equal(bc.references, 0);
  t.equal(registry.find(1), undefined);
  t.strictSame(log, []);
  t.end();
});

t.test('while it lives it is found again, with its parameters and counters', (t) => {
  const { registry } = engine();
  const directory = registry.get(1);
  const counter = directory.counter(numfiles);
  counter.change(3, 4);
  counter.charge(4, Severity.LIMIT);
  t.notOk(counter.tryCharge(1, Severity.LIMIT));
  const object = directory.get();
  directory.put();

  const again = registry.get(1);
  t.equal(again, object);
  t.equal(again.counter(numfiles), counter);
  t.match(counter, { held: 4, maxheld: 4, failcnt: 1, barrier: 3n, limit: 4n });
  counter.uncharge(4);
  again.put();
  object.put();

  const anew = registry.get(1);
  t.not(anew, object);
  t.match(anew.counter(numfiles), { held: 0, maxheld: 0, failcnt: 0, barrier: 256n, limit: 512n });
  t.end();
});

t.test('a resource that still holds something when the last reference goes is logged', (t) => {
  const resources = ['a', 'b', 'c'].map((name) => custom({ name }));
  const { registry, log } = engine({ resources });
  const bc = registry.get(1);
  bc.counter(resources[0]!).charge(1, Severity.BARRIER);
  bc.counter(resources[2]!).charge(2 ** 40, Severity.BARRIER);
  bc.put();
  t.strictSame(log, ['Resource a holds 1 on put', 'Resource c holds 1099511627776 on put']);
  t.end();
});

t.test('a finished beancounter can be neither taken nor put', (t) => {
  const { registry } = engine();
  const bc = registry.get(1);
  bc.put();
  const anew = registry.get(1);
  t.throws(() => bc.get(), { code: 'EINVAL' });
  t.throws(() => bc.put(), { code: 'EINVAL' });
  t.equal(registry.find(1), anew);
  t.equal(anew.references, 1);
  t.end();
});

t.test('beancounter 0 never goes', (t) => {
  const { registry } = engine();
  t.equal(registry.get(0), registry.root);
  t.equal(registry.root.references, 2);
  registry.root.put();
  t.throws(() => registry.root.put(), { code: 'EINVAL' });
  t.equal(registry.root.references, 1);
  t.equal(registry.find(0), registry.root);
  t.end();
});

t.test('the counter of a resource that is not registered is EINVAL', (t) => {
  const { registry } = engine({ resources: [numfiles] });
  t.equal(registry.root.counter(numfiles).resource, numfiles);
  t.throws(() => registry.root.counter(custom()), { code: 'EINVAL' });
  t.throws(() => registry.root.counter({ ...numfiles }), { code: 'EINVAL' }, 'one that is only like it');
  t.end();
});

t.test('a counter knows its beancounter and its resource', (t) => {
  const { registry } = engine();
  const bc = registry.get(5);
  t.equal(bc.id, 5);
  t.equal(bc.registry, registry);
  t.equal(bc.counter(numfiles).beancounter, bc);
  t.equal(bc.counter(numfiles), bc.counters[4]);
  t.end();
});
