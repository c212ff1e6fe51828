import { appendFileSync, existsSync, rmSync } from 'node:fs';
import t from 'tap';
import { errno } from '../../lib/errors.js';
import { findMachine } from '../../lib/host/machine.js';
import { actor, forker } from '../fixtures/actor.js';
import { changed, groupsName, live, needsCgroup } from '../fixtures/live.js';
import { cat, echo, must } from '../fixtures/shelf.js';

const reading = {
  id: 1,
  privvmpages: 700,
  numfiles: 30,
  tasks: 1,
  resident: 10,
};

t.test('a daemon that was killed is followed by one that knows all it knew', needsCgroup, async (t) => {
  const first = live(t);
  must(first.tree.mkdir(first.tree.root, '1'));
  must(first.tree.mkdir(first.tree.root, '2'));
  echo(first.tree, '3', '/1/numtasks/barrier');
  echo(first.tree, '3', '/1/numtasks/limit');
  const forks = await forker(t);
  echo(first.tree, `${forks.pid}`, '/1/tasks');
  for (let i = 0; i < 5; i += 1) await forks.run('fork');
  t.equal(cat(first.tree, '/1/numtasks/failcnt'), '2\n');
  first.sampler.give({ readings: [reading] });
  first.host.tick();
  const child = first.machine.members!.processes(1).find((pid) => pid !== forks.pid)!;
  echo(first.tree, `${child}`, '/2/tasks');

  const second = live(t, { after: first });
  t.strictSame(second.log, []);
  t.strictSame(
    ['limit', 'barrier', 'held', 'maxheld', 'failcnt'].map((name) => cat(second.tree, `/1/numtasks/${name}`)),
    ['3\n', '3\n', '3\n', '3\n', '2\n'],
  );
  t.equal(cat(second.tree, '/2/numtasks/held'), '0\n', 'the one that moved is charged where it was');
  t.equal(cat(second.tree, '/1/numfiles/maxheld'), '30\n');
  t.equal(await forks.run('fork'), `${errno.EAGAIN}`, 'the limit holds on');
  t.equal(cat(second.tree, '/1/numtasks/failcnt'), '3\n');
  await forks.run('end');
  t.equal(cat(second.tree, '/1/numtasks/held'), '0\n');
  second.sampler.give({ readings: [{ ...reading, numfiles: 31 }] });
  second.host.tick();

  const third = live(t, { after: first });
  t.equal(cat(third.tree, '/1/numfiles/maxheld'), '31\n');
  t.equal(cat(third.tree, '/1/numtasks/failcnt'), '3\n');
  t.equal(cat(third.tree, '/1/numtasks/maxheld'), '3\n');
  await forks.end();
});

t.test(
  'a beancounter without a directory has none again, and goes with its tasks',
  needsCgroup,
  async (t) => {
    const first = live(t);
    must(first.tree.mkdir(first.tree.root, '1'));
    echo(first.tree, '200', '/1/numtasks/limit');
    const bash = await actor(t);
    echo(first.tree, `${bash.pid}`, '/1/tasks');
    t.equal(first.tree.rmdir(first.tree.root, '1'), 0);
    const second = live(t, { after: first });
    t.equal(second.tree.resolve('/1'), -errno.ENOENT);
    t.equal(second.registry.find(1)!.counter(second.host.resources[3]!).limit, 200n);
    await bash.end();
    second.host.tick();
    t.notOk(second.registry.find(1));
    t.strictSame(second.machine.members!.ids(), []);
  },
);

t.test('groups of which no state is left are found with their tasks', needsCgroup, async (t) => {
  const first = live(t);
  must(first.tree.mkdir(first.tree.root, '7'));
  const bash = await actor(t);
  echo(first.tree, `${bash.pid}`, '/7/tasks');
  await bash.run('sleep 100 &');
  rmSync(first.statePath);
  const second = live(t, { after: first });
  t.equal(cat(second.tree, '/7/numtasks/held'), '2\n', 'who moved in is not known any more');
  t.equal(cat(second.tree, '/7/numtasks/limit'), '128\n');
});

t.test('a line that was cut off is not read', needsCgroup, (t) => {
  const first = live(t);
  must(first.tree.mkdir(first.tree.root, '1'));
  echo(first.tree, '200', '/1/numtasks/limit');
  appendFileSync(first.statePath, '{"bc":1,"resource":"numtasks","barri');
  const second = live(t, { after: first });
  t.equal(cat(second.tree, '/1/numtasks/limit'), '200\n');
  t.end();
});

t.test(
  'a beancounter that was removed and made again is a new one for the next daemon too',
  needsCgroup,
  (t) => {
    const first = live(t);
    must(first.tree.mkdir(first.tree.root, '1'));
    echo(first.tree, '200', '/1/numtasks/limit');
    t.equal(first.tree.rmdir(first.tree.root, '1'), 0);
    must(first.tree.mkdir(first.tree.root, '1'));
    const second = live(t, { after: first });
    t.equal(cat(second.tree, '/1/numtasks/limit'), '128\n');
    t.equal(second.tree.rmdir(second.tree.root, '1'), 0);
    const third = live(t, { after: first });
    t.equal(third.tree.resolve('/1'), -errno.ENOENT);
    t.end();
  },
);

t.test('a task that ended while nobody looked is not taken for another', needsCgroup, async (t) => {
  const first = live(t);
  must(first.tree.mkdir(first.tree.root, '1'));
  const bash = await actor(t);
  echo(first.tree, `${bash.pid}`, '/1/tasks');
  const moved = JSON.stringify({
    moved: { tid: bash.pid, tgid: bash.pid, start: '1', charged: 0, inside: 1 },
  });
  appendFileSync(first.statePath, `${moved}\n`);
  const second = live(t, { after: first });
  t.equal(cat(second.tree, '/1/numtasks/held'), '1\n', 'this one was forked inside');
});

t.test('at its end a host leaves what has tasks, and nothing else', needsCgroup, async (t) => {
  const first = live(t);
  for (const id of ['1', '2']) must(first.tree.mkdir(first.tree.root, id));
  echo(first.tree, '200', '/1/numtasks/limit');
  const bash = await actor(t);
  echo(first.tree, `${bash.pid}`, '/1/tasks');
  first.host.close();
  t.strictSame(first.machine.members!.ids(), [1]);
  const second = live(t, { after: first });
  t.equal(cat(second.tree, '/1/numtasks/limit'), '200\n');
  t.equal(second.tree.resolve('/2'), -errno.ENOENT);
  await bash.end();
  second.host.close();
  t.strictSame(second.machine.members!.ids(), []);
  t.notOk(existsSync(first.statePath));
});

t.test('drop moves all tasks back and removes the groups', needsCgroup, async (t) => {
  const { tree, host, machine, statePath } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  await bash.run('sleep 100 & sleep 100 &');
  t.equal(cat(tree, '/1/numtasks/held'), '2\n');
  t.equal(host.answer({ ask: 'drop' }), null);
  t.strictSame(machine.members!.ids(), []);
  t.equal(host.answer({ ask: 'which', pid: bash.pid }), 0);
  t.notOk(existsSync(statePath));
  t.equal(cat(tree, '/1/numtasks/held'), '2\n', 'what is shown until the unmount is what was last known');
  t.equal(await bash.run('echo alive'), 'alive');
});

t.test('drop says which beancounter keeps its tasks', needsCgroup, async (t) => {
  const directory = groupsName();
  const machine = findMachine({ host: 'auto', cgroup: directory });
  let stuck = true;
  const hierarchies = machine.hierarchies.map((groups) => changed(groups, { moveProcess: () => stuck }));
  const { tree, host } = live(t, { machine: { ...machine, hierarchies }, directory });
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  for (const groups of machine.hierarchies) groups.moveProcess(bash.pid, 1);
  t.throws(() => host.answer({ ask: 'drop' }), { code: 'EBUSY', message: /beancounter 1 / });
  stuck = false;
  t.equal(host.answer({ ask: 'drop' }), null);
});

t.test('what cannot be restored is said, and the rest is', needsCgroup, (t) => {
  const first = live(t);
  must(first.tree.mkdir(first.tree.root, '1'));
  const lines = [
    { bc: -1, seen: true },
    { bc: 1, resource: 'numtasks', barrier: '5', limit: '3' },
    { bc: 1, resource: 'numfiles', barrier: '5', limit: '7' },
  ];
  first.host.tick();
  appendFileSync(first.statePath, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const second = live(t, { after: first });
  t.equal(second.log.length, 2);
  t.match(second.log[0], /^numtasks of 1: /);
  t.match(second.log[1], /^beancounter -1 cannot be found again: /);
  t.strictSame(
    [cat(second.tree, '/1/numtasks/limit'), cat(second.tree, '/1/numfiles/limit')],
    ['128\n', '7\n'],
  );
  t.end();
});

t.test(
  'a state file that cannot be written is said once, and once again when it can be',
  needsCgroup,
  (t) => {
    const first = live(t, { statePath: '/etc/passwd/bcfs/state' });
    must(first.tree.mkdir(first.tree.root, '1'));
    echo(first.tree, '200', '/1/numtasks/limit');
    first.host.tick();
    t.equal(cat(first.tree, '/1/numtasks/limit'), '200\n');
    t.equal(first.log.length, 1);
    t.match(
      first.log[0],
      /^\/etc\/passwd\/bcfs\/state: .*: a daemon that is killed now forgets what changes$/,
    );
    t.end();
  },
);
