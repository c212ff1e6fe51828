import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { SpinningLoop } from '../../lib/fuse/spin.js';
import { root, run } from '../fixtures/command.js';

t.test('the loop turns for a moment after an answer, and then sleeps', async (t) => {
  const loop = new SpinningLoop(5);
  const original = globalThis.setImmediate;
  let turns = 0;
  const counting = (turn: () => void) => {
    turns += 1;
    return original(turn);
  };
  globalThis.setImmediate = Object.assign(counting, original);
  t.teardown(() => {
    globalThis.setImmediate = original;
  });
  for (const time of ['the first time', 'and again']) {
    turns = 0;
    loop.answered();
    loop.answered();
    t.equal(turns, 1, `one turn is planned, however many answers: ${time}`);
    await delay(20);
    t.ok(turns > 1, 'it goes on');
    const then = turns;
    await delay(20);
    t.equal(turns, then, 'no more');
  }
});

t.test('it is of use where there is more than one CPU', async (t) => {
  t.equal(SpinningLoop.ifUseful() !== undefined, availableParallelism() > 1);
  const [, cpu = '0'] = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const script = `import { SpinningLoop } from '${root}dist/lib/fuse/spin.js';
    console.log(SpinningLoop.ifUseful())`;
  const { stdout } = await run('taskset', [
    ...['-c', cpu, process.execPath],
    ...['--input-type=module', '-e', script],
  ]);
  t.equal(stdout, 'undefined\n');
});
