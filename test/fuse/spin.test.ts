import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import t from 'tap';
import { SPIN, SpinningLoop } from '../../lib/fuse/spin.js';
import { root, run } from '../fixtures/command.js';

t.test('the loop turns for a moment after an answer, and then sleeps', async (t) => {
  let now = 0;
  const loop = new SpinningLoop(() => now);
  const original = globalThis.setImmediate;
  let planned = 0;
  const counting = (turn: () => void) => {
    planned += 1;
    return original(turn);
  };
  globalThis.setImmediate = Object.assign(counting, original);
  t.teardown(() => {
    globalThis.setImmediate = original;
  });
  const turn = () => new Promise((resolve) => original(resolve));
  for (const time of ['the first time', 'and again']) {
    planned = 0;
    loop.answered();
    loop.answered();
    t.equal(planned, 1, `one turn is planned, however many answers: ${time}`);
    await turn();
    await turn();
    t.equal(planned, 3, 'it goes on');
    now += 2 * SPIN;
    await turn();
    await turn();
    t.equal(planned, 3, 'no more');
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
