import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { standardResources } from '../../lib/bc/registry.js';
import { dummy } from '../../lib/bc/resource.js';
import { kmemsize } from '../../lib/bc/resources/kmemsize.js';
import { MAXVALUE } from '../../lib/bc/value.js';
import { custom, engine, shown } from './engine.js';

t.test('a program registers a resource of its own beside the five', (t) => {
  const { registry } = engine();
  const widgets = custom({ barrier: 3n, limit: 4n });
  t.equal(registry.indexOf(widgets), -1);
  t.equal(registry.register(widgets), 5);
  t.equal(registry.indexOf(widgets), 5);
  t.strictSame(registry.resources, [...standardResources, widgets]);
  const counter = registry.get(1).counter(widgets);
  t.strictSame(shown(counter), { held: 0, maxheld: 0, minheld: 0, failcnt: 0, barrier: 3n, limit: 4n });
  t.ok(counter.tryCharge(3, Severity.BARRIER));
  t.notOk(counter.tryCharge(1, Severity.BARRIER));
  t.end();
});

t.test('beancounters that live when a resource is registered count it from then on', (t) => {
  const { registry } = engine();
  const one = registry.get(1);
  const inits: number[] = [];
  const widgets = custom({
    barrier: 3n,
    limit: 4n,
    init: ({ beancounter }) => inits.push(beancounter.id),
  });
  registry.register(widgets);
  t.strictSame(inits, [0, 1]);
  t.match(one.counter(widgets), { barrier: 3n, limit: 4n });
  t.match(registry.root.counter(widgets), { barrier: MAXVALUE, limit: MAXVALUE });
  registry.get(2);
  t.strictSame(inits, [0, 1, 2]);
  t.end();
});

t.test('an init that fails for a living beancounter unrolls the registration', (t) => {
  const { registry } = engine();
  for (const id of [1, 2, 3]) registry.get(id);
  const calls: string[] = [];
  const told: string[] = [];
  registry.onRegister(({ name }) => told.push(name));
  const widgets = custom({
    init({ beancounter }) {
      calls.push(`init ${beancounter.id}`);
      if (beancounter.id === 2) throw new Error('no room');
    },
    fini: ({ beancounter }) => calls.push(`fini ${beancounter.id}`),
  });
  t.throws(() => registry.register(widgets), new Error('no room'));
  t.strictSame(calls, ['init 0', 'init 1', 'init 2', 'fini 1', 'fini 0']);
  t.equal(registry.indexOf(widgets), -1);
  t.strictSame(registry.resources, standardResources);
  t.strictSame(told, []);
  for (const bc of registry) t.equal(bc.counters.length, 5);

  const gadgets = custom();
  t.equal(registry.register(gadgets), 5, 'its index and its name are free');
  for (const bc of registry) t.equal(bc.counter(gadgets), bc.counters[5]);
  t.end();
});

t.test('who watches is told of each resource, until he stops', (t) => {
  const { registry } = engine();
  const told: string[] = [];
  const stop = registry.onRegister(({ name }) => told.push(name));
  const [a, b, c] = ['a', 'b', 'c'].map((name) => custom({ name }));
  registry.register(a!);
  registry.register(b!);
  t.equal(stop(), true);
  registry.register(c!);
  t.strictSame(told, ['a', 'b']);
  t.end();
});

t.test('a name that cannot be a directory is EINVAL', (t) => {
  const { registry } = engine();
  for (const name of ['', '.', '..', 'a/b', 'A', '1a', '_a', 'a b', 'a\n', 'é', 'a'.repeat(65)]) {
    t.throws(() => registry.register(custom({ name })), { code: 'EINVAL' }, JSON.stringify(name));
  }
  for (const name of ['a', 'a1_b', 'a'.repeat(64)]) {
    t.doesNotThrow(() => registry.register(custom({ name })), name);
  }
  t.end();
});

t.test('a name that is taken is EEXIST', (t) => {
  const { registry } = engine();
  for (const name of ['kmemsize', 'numfiles', 'id', 'tasks', 'threads', 'dummy']) {
    t.throws(() => registry.register(custom({ name })), { code: 'EEXIST' }, name);
  }
  t.throws(() => registry.register(kmemsize), { code: 'EEXIST' }, 'one that is registered');
  t.strictSame(registry.resources, standardResources);
  t.end();
});

t.test('parameters of a new beancounter that no change would allow are EINVAL', (t) => {
  const { registry } = engine();
  for (const [barrier, limit] of [
    [2n, 1n],
    [-1n, 1n],
    [0n, MAXVALUE + 1n],
  ] as const) {
    t.throws(() => registry.register(custom({ barrier, limit })), { code: 'EINVAL' }, `${barrier}, ${limit}`);
  }
  t.strictSame(registry.resources, standardResources);
  t.doesNotThrow(() => registry.register(custom({ barrier: 0n, limit: MAXVALUE })));
  t.end();
});

t.test('a resource that nobody registered is a dummy, unlimited', (t) => {
  const { registry } = engine({ resources: [undefined, kmemsize, undefined] });
  t.strictSame(registry.resources, [dummy, kmemsize, dummy]);
  t.equal(registry.indexOf(kmemsize), 1);
  for (const index of [0, 2]) {
    const counter = registry.get(1).counters[index]!;
    t.equal(counter.resource.name, 'dummy');
    t.strictSame(shown(counter), {
      held: 0,
      maxheld: 0,
      minheld: 0,
      failcnt: 0,
      barrier: 9223372036854775807n,
      limit: 9223372036854775807n,
    });
    counter.charge(index + 1, Severity.BARRIER);
  }
  t.equal(registry.find(1)!.counters[0]!.held, 1, 'each counts by itself');
  t.equal(registry.find(1)!.counters[2]!.held, 3);
  t.equal(registry.find(1)!.counter(kmemsize).held, 0);
  t.end();
});
