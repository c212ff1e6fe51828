import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { Pulse, Watchdog } from '../../lib/fuse/watchdog.js';
import { until } from '../fixtures/mounted.js';

/** A watchdog that looks when it is told to. */
function watched(limit: number) {
  const pulse = new Pulse();
  let stuck = 0;
  const dog = new Watchdog(new Pulse(pulse.shared), limit, () => (stuck += 1));
  // It would look by itself in a second.
  dog.stop();
  let now = 1e6;
  const pass = (milliseconds: number): number => {
    now += milliseconds;
    dog.look(now);
    return stuck;
  };
  dog.look(now);
  return { pulse, pass };
}

t.test('what is done for longer than the limit is stuck, once', (t) => {
  const { pulse, pass } = watched(3000);
  pulse.beat();
  t.strictSame([1000, 1000, 1000, 1000].map(pass), [0, 0, 0, 1], 'from when it was seen first');
  t.end();
});

t.test('nothing to do is not stuck, for however long', (t) => {
  const { pulse, pass } = watched(3000);
  t.strictSame([1000, 1000, 1000, 1000, 1000].map(pass), [0, 0, 0, 0, 0]);
  pulse.beat();
  pulse.beat();
  t.strictSame([1000, 1000, 1000, 1000, 1000].map(pass), [0, 0, 0, 0, 0]);
  t.end();
});

t.test('much to do is not stuck: each is another', (t) => {
  const { pulse, pass } = watched(3000);
  pulse.beat();
  for (let i = 0; i < 10; i += 1) {
    t.equal(pass(1000), 0);
    pulse.beat();
    pulse.beat();
  }
  t.end();
});

t.test('the time for which the whole process was stopped does not count', (t) => {
  const { pulse, pass } = watched(3000);
  pulse.beat();
  pass(1000);
  t.equal(pass(20_000), 0, 'one look is one second at the most');
  t.equal(pass(1000), 0);
  t.equal(pass(1000), 1);
  t.end();
});

t.test('it looks by itself', async (t) => {
  const pulse = new Pulse();
  pulse.beat();
  let stuck = 0;
  const dog = new Watchdog(pulse, 1, () => (stuck += 1));
  t.teardown(() => dog.stop());
  await until('it has seen it', () => stuck > 0);
  await delay(10);
  t.equal(stuck, 1);
});
