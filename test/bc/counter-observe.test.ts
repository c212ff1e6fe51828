import t from 'tap';
import { MAXHELD } from '../../lib/bc/value.js';
import { BcfsError } from '../../lib/errors.js';
import { counterOf, custom, plainCounter, shown } from './engine.js';

t.test('what is observed is held, above every bound too, and nothing is refused', (t) => {
  const counter = plainCounter(10, 20);
  const parameters = { barrier: 10n, limit: 20n };
  counter.observe(30);
  t.match(shown(counter), { held: 30, maxheld: 30, failcnt: 0, ...parameters });
  counter.observe(5);
  t.match(shown(counter), { held: 5, maxheld: 30, failcnt: 0, ...parameters });
  counter.observe(0);
  t.match(shown(counter), { held: 0, maxheld: 30, failcnt: 0, ...parameters });
  t.end();
});

t.test('the most that was held meanwhile raises maxheld, and never lowers it', (t) => {
  const counter = plainCounter(10, 20);
  counter.observe(3, 8);
  t.match(shown(counter), { held: 3, maxheld: 8 });
  counter.observe(4, 6);
  t.match(shown(counter), { held: 4, maxheld: 8 });
  counter.observe(9, 1);
  t.match(shown(counter), { held: 9, maxheld: 9 }, 'less than is held now counts as what is held');
  t.end();
});

t.test('what cannot be counted exactly is the most that can', (t) => {
  const counter = plainCounter(10, 20);
  for (const held of [Infinity, 2 ** 60]) {
    counter.observe(held);
    t.match(shown(counter), { held: MAXHELD, maxheld: MAXHELD });
  }
  t.end();
});

t.test('what is no count is refused, and nothing changes', (t) => {
  const counter = plainCounter(10, 20);
  counter.observe(4);
  const before = shown(counter);
  for (const [held, maxheld] of [[-1], [0.5], [NaN], [1, NaN], [1, 1.5]] as [number, number?][]) {
    t.throws(() => counter.observe(held, maxheld), BcfsError, `${held} ${maxheld}`);
    t.strictSame(shown(counter), before);
  }
  t.end();
});

t.test('the barrier is hit once for each way up', (t) => {
  const hits: [held: number, val: number][] = [];
  const resource = custom({ barrierHit: ({ held }, val) => void hits.push([held, val]) });
  const counter = counterOf(resource, 10, 20);
  for (const held of [10, 11, 12, 25, 10, 25, 3, 10]) counter.observe(held);
  t.strictSame(hits, [
    [10, 1],
    [10, 15],
  ]);
  t.end();
});

t.test('charges go on from what was observed', (t) => {
  const counter = plainCounter(10, 20);
  counter.observe(9);
  t.equal(counter.tryCharge(1, 0), true);
  t.equal(counter.tryCharge(1, 0), false);
  t.match(shown(counter), { held: 10, maxheld: 10, failcnt: 1 });
  counter.observe(2, 15);
  counter.uncharge(2);
  t.match(shown(counter), { held: 0, maxheld: 15 });
  t.end();
});
