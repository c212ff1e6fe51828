import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { MAXVALUE } from '../../lib/bc/value.js';
import { counterOf, custom, plainCounter, shown } from './engine.js';

t.test('barrier and limit are set together', (t) => {
  const counter = plainCounter(1, 2);
  for (const [barrier, limit] of [
    [0n, 0n],
    [0n, MAXVALUE],
    [5n, 5n],
    [2n ** 53n + 1n, 2n ** 53n + 1n],
    [MAXVALUE - 1n, MAXVALUE],
    [MAXVALUE, MAXVALUE],
  ] as const) {
    counter.change(barrier, limit);
    t.equal(counter.barrier, barrier);
    t.equal(counter.limit, limit);
  }
  t.end();
});

t.test('a change that is not allowed is EINVAL, and nothing changes', (t) => {
  const counter = plainCounter(10, 20);
  counter.charge(7, Severity.BARRIER);
  const before = shown(counter);
  const refused: readonly (readonly [number | bigint, number | bigint])[] = [
    [21, 20],
    [1n, 0n],
    [0n, MAXVALUE + 1n],
    [MAXVALUE + 1n, MAXVALUE + 1n],
    [MAXVALUE + 1n, MAXVALUE],
    [0, 2n ** 64n],
    [-1, 20],
    [-2n, -1n],
    [NaN, 20],
    [10, NaN],
    [1.5, 20],
    [10, 2 ** 53],
    [10, Infinity],
  ];
  for (const [barrier, limit] of refused) {
    t.throws(() => counter.change(barrier, limit), { code: 'EINVAL' }, `${barrier}, ${limit}`);
    t.strictSame(shown(counter), before);
  }
  t.end();
});

t.test('the new parameters bound the next charge', (t) => {
  const counter = plainCounter(10, 20);
  counter.charge(10, Severity.BARRIER);
  counter.change(0, 5);
  t.equal(counter.held, 10, 'what is held may be above a new limit');
  t.notOk(counter.tryCharge(1, Severity.LIMIT));
  counter.uncharge(10);
  t.notOk(counter.tryCharge(1, Severity.BARRIER));
  t.ok(counter.tryCharge(5, Severity.LIMIT));
  counter.change(MAXVALUE, MAXVALUE);
  t.ok(counter.tryCharge(1_000_000, Severity.BARRIER));
  t.end();
});

t.test('the change hook sees the old parameters on the counter and is told the new ones', (t) => {
  const seen: unknown[] = [];
  const counter = counterOf(
    custom({ change: (counter, barrier, limit) => seen.push([shown(counter), barrier, limit]) }),
    10,
    20,
  );
  seen.length = 0;
  counter.change(30, 40);
  t.strictSame(seen, [[{ held: 0, maxheld: 0, minheld: 0, failcnt: 0, barrier: 10n, limit: 20n }, 30n, 40n]]);
  t.equal(counter.barrier, 30n);
  t.equal(counter.limit, 40n);
  t.end();
});

t.test('what the change hook throws refuses the change, and nothing changes', (t) => {
  const refusal = new Error('not today');
  const counter = counterOf(
    custom({
      change: (_counter, barrier) => {
        if (barrier === 7n) throw refusal;
      },
    }),
    10,
    20,
  );
  counter.charge(5, Severity.BARRIER);
  const before = shown(counter);
  t.throws(() => counter.change(7, 9), refusal);
  t.strictSame(shown(counter), before);
  t.ok(counter.tryCharge(5, Severity.BARRIER), 'the old barrier bounds');
  t.notOk(counter.tryCharge(1, Severity.BARRIER));
  t.end();
});

t.test('the change hook does not run for what is EINVAL', (t) => {
  let runs = 0;
  const counter = counterOf(custom({ change: () => (runs += 1) }), 10, 20);
  runs = 0;
  t.throws(() => counter.change(2, 1), { code: 'EINVAL' });
  t.throws(() => counter.change(0, MAXVALUE + 1n), { code: 'EINVAL' });
  t.equal(runs, 0);
  t.end();
});
