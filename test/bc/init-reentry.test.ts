import t from 'tap';
import { Severity, type Counter } from '../../lib/bc/counter.js';
import { custom, engine, shown } from './engine.js';

t.test(
  'an init hook creates no beancounter and registers no resource: EBUSY, and nothing has changed',
  (t) => {
    for (const call of ['get another', 'get itself', 'register'] as const) {
      const { registry } = engine({ resources: [] });
      let runs = 0;
      const init = ({ beancounter }: Counter) => {
        if (beancounter.id !== 1) return;
        runs += 1;
        if (call === 'register') t.throws(() => registry.register(custom({ name: 'b' })), { code: 'EBUSY' });
        else t.throws(() => registry.get(call === 'get itself' ? 1 : 2), { code: 'EBUSY' });
      };
      const a = custom({ name: 'a', init });
      const c = custom({ name: 'c', barrier: 5n });
      registry.register(a);
      registry.register(c);
      const bc = registry.get(1);
      t.equal(runs, 1, call);
      t.equal(registry.size, 2);
      t.strictSame(registry.resources, [a, c]);
      bc.counter(c).charge(5, Severity.BARRIER);
      t.equal(bc.counter(c).held, 5);
      t.equal(bc.counter(a).held, 0);
      t.equal(shown(bc.counter(c)).barrier, 5n);
      registry.get(2);
      t.equal(registry.size, 3, 'and afterwards it may');
    }
    t.end();
  },
);

t.test('neither does one that runs for a beancounter that lives', (t) => {
  const { registry } = engine({ resources: [] });
  const first = registry.get(1);
  const resource = custom({
    init: ({ beancounter }) => {
      t.throws(() => registry.get(2), { code: 'EBUSY' });
      t.throws(() => registry.register(custom({ name: 'b' })), { code: 'EBUSY' });
      t.equal(registry.get(1), first, 'what lives is found');
      first.put();
      t.equal(beancounter.counters.length, 0);
    },
  });
  t.equal(registry.register(resource), 0);
  t.equal(registry.size, 2);
  t.equal(first.references, 1);
  t.equal(first.counters.length, 1);
  t.equal(registry.register(custom({ name: 'b' })), 1);
  t.end();
});

t.test('after an init hook that let EBUSY through, the registry takes both again', (t) => {
  const { registry } = engine({ resources: [] });
  const greedy = custom({ init: () => void registry.get(9) });
  t.throws(() => registry.register(greedy), { code: 'EBUSY' });
  t.equal(registry.indexOf(greedy), -1);
  t.equal(registry.register(custom()), 0);
  t.equal(registry.get(9).counters.length, 1);
  t.end();
});
