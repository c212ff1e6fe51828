import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { custom, engine, shown } from './engine.js';

const widgets = custom();

t.test('an uncharge gives back what was charged', (t) => {
  const { registry, log } = engine({ resources: [widgets] });
  const counter = registry.get(1).counter(widgets);
  counter.charge(5, Severity.BARRIER);
  counter.uncharge(2);
  t.equal(counter.held, 3);
  counter.uncharge(0);
  t.equal(counter.held, 3);
  counter.uncharge(3);
  t.equal(counter.held, 0);
  counter.charge(2 ** 40, Severity.BARRIER);
  counter.uncharge(2 ** 40);
  t.equal(counter.held, 0);
  t.strictSame(log, []);
  t.end();
});

t.test('an uncharge of too much is logged and clamped to what is held', (t) => {
  const { registry, log } = engine({ resources: [widgets] });
  const counter = registry.get(1).counter(widgets);
  counter.charge(5, Severity.BARRIER);
  counter.uncharge(6);
  t.strictSame(log, ['Uncharging too much of widgets: 6 vs 5']);
  t.strictSame(shown(counter), {
    held: 0,
    maxheld: 5,
    minheld: 0,
    failcnt: 0,
    barrier: 9223372036854775807n,
    limit: 9223372036854775807n,
  });
  counter.uncharge(2 ** 32);
  t.equal(log[1], 'Uncharging too much of widgets: 4294967296 vs 0');
  t.equal(counter.held, 0);
  t.end();
});
