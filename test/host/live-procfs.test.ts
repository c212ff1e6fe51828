/** The host of live tasks where there is nothing but /proc: what the sampler tells is all that is known. */
import t from 'tap';
import { findMachine } from '../../lib/host/machine.js';
import { actor } from '../fixtures/actor.js';
import { live } from '../fixtures/live.js';
import { cat, echo, must } from '../fixtures/shelf.js';

const reading = { id: 1, privvmpages: 700, numfiles: 30, tasks: 3, resident: 10 };

t.test('what is held, and by whom, is what the sampler has seen', async (t) => {
  const machine = findMachine({ host: 'procfs', cgroup: 'unused' });
  const { tree, host, sampler } = live(t, { machine });
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  const held = (resource: string) => cat(tree, `/1/${resource}/held`);
  t.equal(held('numtasks'), '0\n');
  echo(tree, `${bash.pid}`, '/1/tasks');
  t.equal(host.answer({ ask: 'which', pid: bash.pid }), 1);
  const child = Number(await bash.run('sleep 100 & echo $!'));
  sampler.give({
    readings: [reading],
    members: [
      [bash.pid, 1],
      [child, 1],
    ],
  });
  host.look();
  t.equal(held('numtasks'), '2\n', 'all but the one that moved in');
  t.strictSame(['numfiles', 'privvmpages', 'physpages', 'kmemsize'].map(held), [
    '30\n',
    '700\n',
    '10\n',
    '0\n',
  ]);
  t.strictSame(
    host.answer({ ask: 'ps' }).map(({ pid, beancounter, threads }) => ({ pid, beancounter, threads })),
    [bash.pid, child].map((pid) => ({ pid, beancounter: 1, threads: 1 })),
  );
  t.equal(host.answer({ ask: 'charge', pid: bash.pid }), null);
  t.equal(held('numtasks'), '3\n', 'who is charged counts');
  await bash.run(`kill ${child}; wait`);
  sampler.give({ members: [[bash.pid, 1]] });
  host.look();
  t.equal(host.answer({ ask: 'which', pid: bash.pid }), 1);
});

t.test('one that has ended is subtracted no more', async (t) => {
  const machine = findMachine({ host: 'procfs', cgroup: 'unused' });
  const { tree, host, sampler } = live(t, { machine });
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  await bash.end();
  sampler.give({ readings: [reading] });
  host.look();
  t.equal(cat(tree, '/1/numtasks/held'), '3\n');
});
