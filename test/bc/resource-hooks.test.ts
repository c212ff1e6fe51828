import t from 'tap';
import { Severity, type Counter } from '../../lib/bc/counter.js';
import type { Resource } from '../../lib/bc/resource.js';
import { counterOf, custom, engine, shown } from './engine.js';

const { BARRIER, LIMIT, FORCE } = Severity;

/** Three resources whose init and fini are written down; the init of `broken` fails in beancounter 1. */
function recorded(broken?: string) {
  const calls: string[] = [];
  const resources = ['a', 'b', 'c'].map((name) =>
    custom({
      name,
      init({ beancounter }) {
        calls.push(`init ${name} of ${beancounter.id}`);
        if (name === broken && beancounter.id === 1) throw new Error(`no ${name}`);
      },
      fini({ beancounter }) {
        calls.push(`fini ${name} of ${beancounter.id}`);
      },
    }),
  );
  return { resources, calls };
}

t.test('init runs once for each new beancounter, in index order', (t) => {
  const { resources, calls } = recorded();
  const { registry } = engine({ resources });
  t.strictSame(calls.splice(0), ['init a of 0', 'init b of 0', 'init c of 0']);
  registry.get(7);
  t.strictSame(calls.splice(0), ['init a of 7', 'init b of 7', 'init c of 7']);
  registry.get(7);
  registry.get(0);
  t.strictSame(calls, [], 'not for one that is found');
  t.end();
});

t.test('init sees the counter as it starts', (t) => {
  const seen: unknown[] = [];
  const resource = custom({
    barrier: 3n,
    limit: 4n,
    init: (counter) => seen.push([counter.beancounter.id, shown(counter)]),
  });
  engine({ resources: [resource] }).registry.get(1);
  t.strictSame(seen[1], [1, { held: 0, maxheld: 0, minheld: 0, failcnt: 0, barrier: 3n, limit: 4n }]);
  t.end();
});

t.test('an init that fails unrolls the ones before, and the creation fails', (t) => {
  const { resources, calls } = recorded('c');
  const { registry } = engine({ resources });
  calls.length = 0;
  for (const round of ['once', 'and again']) {
    t.throws(() => registry.get(1), new Error('no c'), round);
    t.strictSame(
      calls.splice(0),
      ['init a of 1', 'init b of 1', 'init c of 1', 'fini b of 1', 'fini a of 1'],
      round,
    );
    t.equal(registry.find(1), undefined);
    t.strictSame(
      [...registry].map((bc) => bc.id),
      [0],
    );
  }
  t.equal(registry.get(2).id, 2, 'other beancounters are made');
  t.end();
});

t.test('an init that fails for beancounter 0 leaves no registry', (t) => {
  const broken = custom({
    init() {
      throw new Error('no host');
    },
  });
  t.throws(() => engine({ resources: [broken] }), new Error('no host'));
  t.end();
});

t.test('fini runs once, when the last reference goes', (t) => {
  const { resources, calls } = recorded();
  const { registry } = engine({ resources });
  const bc = registry.get(1).get();
  calls.length = 0;
  bc.put();
  t.strictSame(calls, []);
  bc.put();
  t.strictSame(calls, ['fini a of 1', 'fini b of 1', 'fini c of 1']);
  t.end();
});

t.test('what fini gives back is not logged as held', (t) => {
  const resource = custom({ fini: (counter) => counter.uncharge(counter.held) });
  const { registry, log } = engine({ resources: [resource] });
  const bc = registry.get(1);
  bc.counter(resource).charge(5, BARRIER);
  bc.put();
  t.strictSame(log, []);
  t.end();
});

/** A counter with barrier 10 and limit 20 whose barrier-hit calls are kept. */
function barrierCounter(barrierHit?: Resource['barrierHit']) {
  const hits: [held: number, val: number][] = [];
  const counter = counterOf(
    custom({
      barrierHit(counter, val) {
        hits.push([counter.held, val]);
        barrierHit?.(counter, val);
      },
    }),
    10,
    20,
  );
  return { counter, hits };
}

t.test('barrier-hit runs before a LIMIT charge that takes held from below the barrier to above it', (t) => {
  const cases: readonly (readonly [held: number, val: number, severity: Severity, hit: boolean])[] = [
    [9, 2, LIMIT, true],
    [0, 11, LIMIT, true],
    [0, 20, LIMIT, true],
    [9, 1, LIMIT, false],
    [0, 10, LIMIT, false],
    [10, 1, LIMIT, false],
    [11, 1, LIMIT, false],
    [9, 0, LIMIT, false],
    [9, 12, LIMIT, false],
    [9, 2, BARRIER, false],
    [9, 2, FORCE, false],
    [0, 100, FORCE, false],
  ];
  for (const [held, val, severity, hit] of cases) {
    const { counter, hits } = barrierCounter();
    counter.charge(held, FORCE);
    hits.length = 0;
    const granted = counter.tryCharge(val, severity);
    const title = `${val} with severity ${severity} on ${held} held`;
    t.strictSame(hits, hit ? [[held, val]] : [], title);
    t.equal(counter.held, granted ? held + val : held, title);
  }
  t.end();
});

t.test('barrier-hit tells one unit beyond 2^32', (t) => {
  for (const more of [0, 1]) {
    const { counter, hits } = barrierCounter();
    counter.change(2 ** 32, 2 ** 33);
    t.ok(counter.tryCharge(2 ** 32 + more, LIMIT));
    t.strictSame(hits, more === 0 ? [] : [[0, 2 ** 32 + 1]]);
  }
  t.end();
});

t.test('barrier-hit runs again each time the barrier is passed', (t) => {
  const { counter, hits } = barrierCounter();
  counter.charge(11, LIMIT);
  counter.uncharge(2);
  counter.charge(2, LIMIT);
  counter.uncharge(1);
  counter.charge(1, LIMIT);
  t.strictSame(hits, [
    [0, 11],
    [9, 2],
  ]);
  t.end();
});

t.test('what barrier-hit gives back is given back before the charge is granted', (t) => {
  const { counter } = barrierCounter((counter) => counter.uncharge(4));
  counter.charge(9, LIMIT);
  t.ok(counter.tryCharge(3, LIMIT));
  t.equal(counter.held, 8);
  t.equal(counter.maxheld, 9);
  t.end();
});

t.test('a charge for which barrier-hit leaves no room is refused', (t) => {
  const { counter } = barrierCounter((counter) => counter.charge(11, FORCE));
  counter.charge(9, LIMIT);
  t.notOk(counter.tryCharge(2, LIMIT));
  t.equal(counter.held, 20);
  t.equal(counter.failcnt, 1);
  t.end();
});

t.test('a charge whose hook throws is not made', (t) => {
  const broken = () => {
    throw new Error('broken');
  };
  const counter = counterOf(custom({ barrierHit: broken, limitHit: broken }), 10, 20);
  counter.charge(9, BARRIER);
  const before = shown(counter);
  t.throws(() => counter.tryCharge(2, LIMIT), new Error('broken'));
  t.throws(() => counter.tryCharge(12, LIMIT), new Error('broken'));
  t.strictSame(shown(counter), before);
  t.end();
});

/** A counter with barrier 10 and limit 20 and a limit-hit hook whose calls are kept. */
function limitCounter(answer: (counter: Counter, val: number, severity: Severity) => boolean) {
  const hits: [held: number, val: number, severity: Severity][] = [];
  const counter = counterOf(
    custom({
      limitHit(counter, val, severity) {
        hits.push([counter.held, val, severity]);
        return answer(counter, val, severity);
      },
    }),
    10,
    20,
  );
  return { counter, hits };
}

t.test('limit-hit is asked about every charge that would be refused, and no other', (t) => {
  const { counter, hits } = limitCounter(() => false);
  t.notOk(counter.tryCharge(11, BARRIER));
  t.notOk(counter.tryCharge(21, LIMIT));
  t.strictSame(hits.splice(0), [
    [0, 11, BARRIER],
    [0, 21, LIMIT],
  ]);
  t.ok(counter.tryCharge(10, BARRIER));
  t.ok(counter.tryCharge(10, LIMIT));
  t.ok(counter.tryCharge(10, FORCE));
  t.strictSame(hits, []);
  t.end();
});

t.test('the answer of limit-hit is the answer, and the hook does its own failcnt', (t) => {
  const no = limitCounter(() => false);
  t.notOk(no.counter.tryCharge(21, LIMIT));
  t.throws(() => no.counter.charge(21, LIMIT), { code: 'ENOMEM' });
  t.equal(no.counter.failcnt, 0);
  t.equal(no.counter.held, 0);

  const yes = limitCounter(() => true);
  t.ok(yes.counter.tryCharge(21, LIMIT));
  t.doesNotThrow(() => yes.counter.charge(21, LIMIT));
  t.equal(yes.counter.held, 0, 'a hook that grants charges by itself');
  t.end();
});

t.test('limit-hit may make room, charge and grant', (t) => {
  const { counter, hits } = limitCounter((counter, val, severity) => {
    counter.uncharge(counter.held);
    return counter.tryCharge(val, severity);
  });
  counter.charge(18, LIMIT);
  t.ok(counter.tryCharge(5, LIMIT));
  t.strictSame(hits, [[18, 5, LIMIT]]);
  t.strictSame(shown(counter), {
    held: 5,
    maxheld: 18,
    minheld: 0,
    failcnt: 0,
    barrier: 10n,
    limit: 20n,
  });
  t.end();
});
