import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { MAXHELD, MAXVALUE } from '../../lib/bc/value.js';
import { counterOf, custom, plainCounter, shown } from './engine.js';

const { BARRIER, LIMIT, FORCE } = Severity;
const severities = Object.entries(Severity);

t.test('a charge past 2^53 - 1 is refused like one over the limit, FORCE too', (t) => {
  for (const [name, severity] of severities) {
    const counter = plainCounter(MAXVALUE, MAXVALUE);
    t.ok(counter.tryCharge(MAXHELD, severity), `${name}: up to it`);
    t.ok(counter.tryCharge(0, severity), `${name}: nothing more`);
    const full = { held: MAXHELD, maxheld: MAXHELD, minheld: 0, barrier: MAXVALUE, limit: MAXVALUE };
    t.strictSame(shown(counter), { ...full, failcnt: 0 });
    t.notOk(counter.tryCharge(1, severity), `${name}: one more`);
    t.throws(() => counter.charge(MAXHELD, severity), { code: 'ENOMEM' }, `${name}: as much again`);
    t.strictSame(shown(counter), { ...full, failcnt: 2 });
    counter.uncharge(MAXHELD);
    t.equal(counter.held, 0);
  }
  t.end();
});

t.test('the limit-hit hook is asked about a charge past 2^53 - 1', (t) => {
  const asked: unknown[] = [];
  const counter = counterOf(
    custom({
      limitHit: (counter, val, severity) => {
        asked.push([counter.held, val, severity]);
        return false;
      },
    }),
    MAXVALUE,
    MAXVALUE,
  );
  counter.charge(MAXHELD, FORCE);
  t.notOk(counter.tryCharge(1, FORCE));
  t.strictSame(asked, [[MAXHELD, 1, FORCE]]);
  t.equal(counter.failcnt, 0, 'the hook does its own failcnt');
  t.end();
});

t.test('parameters beyond 2^53 are kept exact and bound nothing below it', (t) => {
  const counter = plainCounter(2n ** 53n, 2n ** 63n - 1n);
  t.equal(counter.barrier, 9007199254740992n);
  t.equal(counter.limit, 9223372036854775807n);
  t.ok(counter.tryCharge(MAXHELD, BARRIER));
  t.equal(counter.failcnt, 0);
  t.end();
});

t.test('parameters just below 2^53 bound to the unit', (t) => {
  const counter = plainCounter(MAXHELD - 2, MAXHELD - 1);
  t.notOk(counter.tryCharge(MAXHELD - 1, BARRIER));
  t.ok(counter.tryCharge(MAXHELD - 2, BARRIER));
  t.notOk(counter.tryCharge(2, LIMIT));
  t.ok(counter.tryCharge(1, LIMIT));
  t.notOk(counter.tryCharge(1, LIMIT));
  t.ok(counter.tryCharge(1, FORCE));
  t.notOk(counter.tryCharge(1, FORCE));
  t.equal(counter.held, MAXHELD);
  t.equal(counter.failcnt, 4);
  t.end();
});

t.test('a charge that is not a whole number from 0 to 2^53 - 1 is EINVAL, and nothing changes', (t) => {
  for (const bad of [
    NaN,
    Infinity,
    -Infinity,
    -1,
    -(2 ** 32),
    0.5,
    1.5,
    -0.5,
    2 ** 32 + 0.5,
    2 ** 53,
    1e300,
  ]) {
    for (const [name, severity] of severities) {
      for (const [barrier, limit] of [
        [0, 0],
        [10, 20],
        [MAXVALUE, MAXVALUE],
      ] as const) {
        const counter = plainCounter(barrier, limit);
        counter.charge(5, FORCE);
        const before = shown(counter);
        const title = `${bad} with ${name}, barrier ${barrier}`;
        t.throws(() => counter.tryCharge(bad, severity), { code: 'EINVAL' }, title);
        t.throws(() => counter.charge(bad, severity), { code: 'EINVAL' }, title);
        t.strictSame(shown(counter), before, title);
      }
    }
  }
  t.end();
});

t.test('an uncharge that is not a whole number from 0 to 2^53 - 1 is EINVAL, and nothing changes', (t) => {
  for (const bad of [NaN, Infinity, -Infinity, -1, -(2 ** 32), 0.5, 1.5, 2 ** 53]) {
    const counter = plainCounter(10, 20);
    counter.charge(5, BARRIER);
    const before = shown(counter);
    t.throws(() => counter.uncharge(bad), { code: 'EINVAL' }, `${bad}`);
    t.strictSame(shown(counter), before, `${bad}`);
  }
  t.end();
});

t.test('a charge of 0 is granted where what is held is within bounds, and changes nothing', (t) => {
  const counter = plainCounter(0, 0);
  const before = shown(counter);
  for (const [name, severity] of severities) {
    t.ok(counter.tryCharge(0, severity), name);
    t.ok(counter.tryCharge(-0, severity), name);
  }
  counter.uncharge(0);
  counter.uncharge(-0);
  t.strictSame(shown(counter), before);
  t.ok(Object.is(counter.held, 0));
  t.end();
});

t.test('charges of 2^32 and above count to the unit', (t) => {
  for (const val of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 3, MAXHELD - 1]) {
    for (const [name, severity] of severities) {
      const counter = plainCounter(val, val);
      t.ok(counter.tryCharge(val, severity), `${val} with ${name}`);
      t.equal(counter.held, val);
      t.equal(counter.maxheld, val);
      t.equal(counter.tryCharge(1, severity), severity === FORCE);
      counter.uncharge(val);
      t.equal(counter.held, severity === FORCE ? 1 : 0);
      t.ok(counter.tryCharge(val - 1, severity), 'again, from below what was held');
    }
    const small = plainCounter(val - 1, val - 1);
    t.notOk(small.tryCharge(val, LIMIT), `${val} above the limit`);
    t.equal(small.failcnt, 1);
  }
  t.end();
});
