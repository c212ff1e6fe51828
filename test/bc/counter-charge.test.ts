import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { plainCounter, shown } from './engine.js';

const { BARRIER, LIMIT, FORCE } = Severity;
const names = ['BARRIER', 'LIMIT', 'FORCE'] as const;

t.test('a charge is refused above the barrier, above the limit, or never', (t) => {
  // Barrier 10, limit 20; `held` is held already.
  const cases: readonly (readonly [held: number, val: number, severity: Severity, granted: boolean])[] = [
    [0, 10, BARRIER, true],
    [0, 11, BARRIER, false],
    [9, 1, BARRIER, true],
    [10, 1, BARRIER, false],
    [10, 0, BARRIER, true],
    [11, 0, BARRIER, false],
    [0, 20, LIMIT, true],
    [0, 21, LIMIT, false],
    [19, 1, LIMIT, true],
    [20, 1, LIMIT, false],
    [20, 0, LIMIT, true],
    [21, 0, LIMIT, false],
    [0, 21, FORCE, true],
    [20, 1, FORCE, true],
    [1000, 1000, FORCE, true],
    [21, 0, FORCE, true],
  ];
  for (const [held, val, severity, granted] of cases) {
    const counter = plainCounter(10, 20);
    counter.charge(held, FORCE);
    const title = `${val} with ${names[severity]} on ${held} held`;
    t.equal(counter.fits(val, severity), granted, `${title}: fits`);
    t.equal(counter.tryCharge(val, severity), granted, title);
    t.strictSame(
      shown(counter),
      {
        held: granted ? held + val : held,
        maxheld: granted ? held + val : held,
        minheld: 0,
        failcnt: granted ? 0 : 1,
        barrier: 10n,
        limit: 20n,
      },
      `${title}: what it shows`,
    );
  }
  t.end();
});

t.test('everything starts at 0', (t) => {
  t.strictSame(shown(plainCounter(1, 2)), {
    held: 0,
    maxheld: 0,
    minheld: 0,
    failcnt: 0,
    barrier: 1n,
    limit: 2n,
  });
  t.end();
});

t.test('maxheld is the most that was ever held', (t) => {
  const counter = plainCounter(10, 20);
  const held = [3, 7, 2, 6, 9, 0, 9, 12, 10];
  for (const [step, wanted] of held.entries()) {
    if (wanted > counter.held) counter.charge(wanted - counter.held, LIMIT);
    else counter.uncharge(counter.held - wanted);
    t.equal(counter.maxheld, Math.max(...held.slice(0, step + 1)), `held ${wanted}`);
  }
  t.end();
});

t.test('maxheld follows a charge within a barrier that was raised or lowered since', (t) => {
  const counter = plainCounter(10, 20);
  counter.charge(10, BARRIER);
  counter.uncharge(10);
  counter.change(5, 20);
  t.notOk(counter.tryCharge(6, BARRIER));
  t.ok(counter.tryCharge(5, BARRIER));
  t.equal(counter.maxheld, 10);
  counter.change(15, 20);
  t.ok(counter.tryCharge(10, BARRIER));
  t.notOk(counter.tryCharge(1, BARRIER));
  t.equal(counter.maxheld, 15);
  t.end();
});

t.test('minheld stays 0, as it does in v6', (t) => {
  const counter = plainCounter(10, 20);
  counter.charge(5, BARRIER);
  t.equal(counter.minheld, 0);
  counter.uncharge(2);
  t.equal(counter.minheld, 0);
  counter.uncharge(3);
  t.equal(counter.minheld, 0);
  t.end();
});

t.test('failcnt counts refusals, and nothing else', (t) => {
  const counter = plainCounter(1, 2);
  counter.charge(1, BARRIER);
  t.equal(counter.failcnt, 0);
  for (const failures of [1, 2, 3]) {
    t.notOk(counter.tryCharge(1, BARRIER));
    t.equal(counter.failcnt, failures);
  }
  counter.charge(1, LIMIT);
  counter.uncharge(2);
  t.throws(() => counter.change(3, 2), { code: 'EINVAL' });
  t.throws(() => counter.tryCharge(-1, BARRIER), { code: 'EINVAL' });
  t.equal(counter.failcnt, 3);
  t.end();
});

t.test('charge says ENOMEM where tryCharge says false', (t) => {
  const counter = plainCounter(1, 2);
  t.throws(() => counter.charge(2, BARRIER), {
    name: 'BcfsError',
    code: 'ENOMEM',
    message: 'beancounter 1: widgets refused 2 items: held 0, barrier 1, limit 2',
  });
  t.equal(counter.failcnt, 1);
  t.equal(counter.held, 0);
  t.doesNotThrow(() => counter.charge(2, LIMIT));
  t.equal(counter.held, 2);
  t.end();
});
