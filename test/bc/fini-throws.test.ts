import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { Registry } from '../../lib/bc/registry.js';
import { custom, engine } from './engine.js';

function failing(name: string, calls: string[]) {
  return custom({
    name,
    fini() {
      calls.push(name);
      throw new Error(`${name} is stuck`);
    },
  });
}

t.test('a throw in fini is logged, and the resources after it are finished all the same', (t) => {
  const calls: string[] = [];
  const resources = ['a', 'b', 'c'].map((name) => failing(name, calls));
  const { registry, log } = engine({ resources });
  const bc = registry.get(1);
  bc.counters[1]!.charge(2, Severity.BARRIER);
  bc.put();
  t.strictSame(calls, ['a', 'b', 'c']);
  t.equal(log.length, 4);
  t.match(log[0], /^Resource a: fini: Error: a is stuck\n/);
  t.match(log[1], /^Resource b: fini: Error: b is stuck\n/);
  t.equal(log[2], 'Resource b holds 2 on put');
  t.match(log[3], /^Resource c: fini: Error: c is stuck\n/);
  t.equal(registry.find(1), undefined);
  t.end();
});

t.test('a creation that fails is undone whole, and fails with what init threw', (t) => {
  const calls: string[] = [];
  const picky = custom({
    name: 'picky',
    init({ beancounter }) {
      if (beancounter.id === 1) throw new Error('no room');
    },
  });
  const { registry, log } = engine({ resources: [failing('a', calls), failing('b', calls), picky] });
  t.throws(() => registry.get(1), new Error('no room'));
  t.strictSame(calls, ['b', 'a']);
  t.equal(log.length, 2);
  t.equal(registry.size, 1);
  t.end();
});

t.test('so is a registration', (t) => {
  const calls: string[] = [];
  const { registry } = engine({ resources: [] });
  for (const id of [1, 2]) registry.get(id);
  const resource = custom({
    ...failing('a', calls),
    init({ beancounter }) {
      if (beancounter.id === 2) throw new Error('no room');
    },
  });
  t.throws(() => registry.register(resource), new Error('no room'));
  t.strictSame(calls, ['a', 'a']);
  t.equal(registry.indexOf(resource), -1);
  for (const bc of registry) t.equal(bc.counters.length, 0);
  t.end();
});

t.test('a log that throws stops nothing', (t) => {
  const calls: string[] = [];
  const registry = new Registry({
    resources: ['a', 'b'].map((name) => failing(name, calls)),
    log() {
      throw new Error('no room for the log');
    },
  });
  const bc = registry.get(1);
  t.doesNotThrow(() => bc.counters[0]!.uncharge(1));
  t.doesNotThrow(() => bc.put());
  t.strictSame(calls, ['a', 'b']);
  t.end();
});
