import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { BcfsError, errno } from '../../lib/errors.js';
import type { PidsController } from '../../lib/host/groups.js';
import { findMachine } from '../../lib/host/machine.js';
import { actor, forker } from '../fixtures/actor.js';
import { changed, groupsName, live, needsCgroup } from '../fixtures/live.js';
import { until } from '../fixtures/mounted.js';
import { kernelThread, manyThreads, needsPython, noPid, shell, zombie } from '../fixtures/processes.js';
import { cat, echo, must } from '../fixtures/shelf.js';

/** A controller that does something before it counts. */
const beforeCurrent = (pids: PidsController, first: () => void): PidsController => ({
  current(id) {
    first();
    return pids.current(id);
  },
  peak: (id) => pids.peak(id),
  refused: (id) => pids.refused(id),
  setMax: (id, max) => pids.setMax(id, max),
  max: (id) => pids.max(id),
});

t.test('a task that moved in counts nowhere new, what it forks then does', needsCgroup, async (t) => {
  const { tree, machine } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  await bash.run('sleep 100 &');
  t.equal(echo(tree, `${bash.pid}\n`, '/1/tasks'), `${bash.pid}\n`.length);
  t.equal(cat(tree, '/1/numtasks/held'), '0\n');
  await bash.run('sleep 100 & sleep 100 &');
  t.equal(cat(tree, '/1/numtasks/held'), '2\n');
  t.equal(machine.pids!.current(1), 3, 'the kernel counts the shell too');
  t.equal(cat(tree, '/1/numtasks/maxheld'), '2\n');
  t.equal(machine.members!.processes(1).length, 3, 'what was forked before stays where it was');
  await bash.run('kill %1 %2 %3 %4 2>/dev/null; wait');
  t.equal(cat(tree, '/1/numtasks/held'), '0\n');
  t.equal(cat(tree, '/1/numtasks/maxheld'), '2\n');
});

t.test('a peak between two looks is seen', needsCgroup, async (t) => {
  const { tree } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  await bash.run('sleep 100 & sleep 100 & sleep 100 &');
  await bash.run('kill %1 %2 %3 %4 2>/dev/null; wait');
  t.equal(cat(tree, '/1/numtasks/held'), '0\n');
  t.equal(cat(tree, '/1/numtasks/maxheld'), '3\n');
});

t.test('a task that was forked inside stays charged there when it moves out', needsCgroup, async (t) => {
  const { tree, machine } = live(t);
  for (const id of ['1', '2']) must(tree.mkdir(tree.root, id));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  const child = await bash.run('sleep 100 & echo $!');
  t.equal(echo(tree, child, '/2/tasks'), child.length);
  t.strictSame([cat(tree, '/1/numtasks/held'), cat(tree, '/2/numtasks/held')], ['1\n', '0\n']);
  t.strictSame([machine.pids!.current(1), machine.pids!.current(2)], [1, 1]);
  t.equal(echo(tree, child, '/0/tasks'), child.length);
  t.strictSame([cat(tree, '/1/numtasks/held'), cat(tree, '/2/numtasks/held')], ['1\n', '0\n']);
  t.equal(echo(tree, child, '/1/tasks'), child.length, 'and back home');
  t.equal(cat(tree, '/1/numtasks/held'), '1\n');
  await bash.run(`kill ${child}; wait`);
  t.equal(cat(tree, '/1/numtasks/held'), '0\n');
});

t.test('a limit is the number of tasks that v6 charges, whoever moved in', needsCgroup, async (t) => {
  const { tree, machine, events } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const parent = await forker(t);
  echo(tree, '3', '/1/numtasks/barrier');
  echo(tree, '3', '/1/numtasks/limit');
  t.equal(machine.pids!.max(1), 3);
  echo(tree, `${parent.pid}`, '/1/tasks');
  t.equal(machine.pids!.max(1), 4, 'it is not charged, but the kernel counts it');
  const forks = [];
  for (let i = 0; i < 5; i += 1) forks.push(await parent.run('fork'));
  t.strictSame(forks, ['0', '0', '0', `${errno.EAGAIN}`, `${errno.EAGAIN}`]);
  t.equal(cat(tree, '/1/numtasks/held'), '3\n');
  t.equal(cat(tree, '/1/numtasks/failcnt'), '2\n');
  t.match(events, [{ event: 'refused', beancounter: 1, resource: 'numtasks', value: 2 }]);
  echo(tree, '4', '/1/numtasks/limit');
  t.equal(await parent.run('fork'), '0', 'the limit was raised');
  t.equal(await parent.run('fork'), `${errno.EAGAIN}`);
  echo(tree, '1', '/1/numtasks/barrier');
  t.equal(
    echo(tree, '1', '/1/numtasks/limit'),
    1,
    'below what is held: nobody is ended, and none more comes',
  );
  t.equal(cat(tree, '/1/numtasks/held'), '4\n');
  t.equal(await parent.run('fork'), `${errno.EAGAIN}`);
  await parent.run('end');
  t.equal(await parent.run('fork'), '0');
  t.equal(await parent.run('fork'), `${errno.EAGAIN}`);
});

t.test('a task that moved in can be charged there, if there is room', needsCgroup, async (t) => {
  const { tree, host, machine, events } = live(t);
  for (const id of ['1', '2']) must(tree.mkdir(tree.root, id));
  const held = () => ['1', '2'].map((id) => Number(cat(tree, `/${id}/numtasks/held`)));
  const parent = await forker(t);
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/2/tasks');
  const child = Number(await bash.run('sleep 100 & echo $!'));
  for (const parameter of ['barrier', 'limit']) echo(tree, '2', `/1/numtasks/${parameter}`);
  echo(tree, `${parent.pid}`, '/1/tasks');
  echo(tree, `${child}`, '/1/tasks');
  t.strictSame([...held(), machine.pids!.max(1)], [0, 1, 4]);
  t.equal(host.answer({ ask: 'charge', pid: child }), null);
  t.strictSame([...held(), machine.pids!.max(1)], [1, 0, 3], 'and not any more where it was forked');
  t.equal(host.answer({ ask: 'charge', pid: child }), null);
  t.strictSame([...held(), machine.pids!.max(1)], [1, 0, 3], 'once');
  t.equal(await parent.run('fork'), '0');
  t.equal(await parent.run('fork'), `${errno.EAGAIN}`);
  t.throws(() => host.answer({ ask: 'charge', pid: parent.pid }), {
    code: 'ENOMEM',
    message: 'numtasks of 1 is at its limit',
  });
  t.strictSame([...held(), machine.pids!.max(1)], [2, 0, 3], 'then nothing has changed');
  t.equal(cat(tree, '/1/numtasks/failcnt'), '2\n');
  t.equal(cat(tree, '/1/numtasks/maxheld'), '2\n');
  t.match(events.at(-1), { event: 'refused', beancounter: 1, resource: 'numtasks', value: 1 });
  await parent.run('end');
  host.answer({ ask: 'charge', pid: parent.pid });
  t.strictSame([...held(), machine.pids!.max(1)], [2, 0, 2]);
  await parent.end();
  t.strictSame(held(), [1, 0], 'it leaves no room that others could take');
  t.equal(machine.pids!.max(1), 2);
});

t.test(
  'of a process that is charged and about to call exec only one thread stays',
  needsCgroup,
  async (t) => {
    const { tree, host, machine } = live(t);
    must(tree.mkdir(tree.root, '1'));
    for (const parameter of ['barrier', 'limit']) echo(tree, '2', `/1/numtasks/${parameter}`);
    const { pid, end } = await manyThreads(t, 5);
    echo(tree, `${pid}`, '/1/tasks');
    t.equal(machine.pids!.max(1), 7);
    echo(tree, `${pid}`, '/1/tasks');
    t.equal(machine.pids!.max(1), 7, 'it is not charged');
    t.equal(host.answer({ ask: 'charge', pid }), null);
    t.equal(cat(tree, '/1/numtasks/held'), '1\n');
    t.equal(machine.pids!.max(1), 6, 'it is one task, and those that it has beside have their room');
    echo(tree, `${pid}`, '/1/tasks');
    t.equal(machine.pids!.max(1), 2, 'that nobody takes when they end');
    t.equal(cat(tree, '/1/numtasks/held'), '1\n');
    await end();
    t.equal(cat(tree, '/1/numtasks/held'), '0\n');
    t.equal(cat(tree, '/1/numtasks/maxheld'), '1\n');
    t.equal(machine.pids!.max(1), 2);
  },
);

t.test('a moved task that ends leaves no room, whoever is looked at', needsCgroup, async (t) => {
  const { tree, machine } = live(t);
  for (const id of ['1', '2']) {
    must(tree.mkdir(tree.root, id));
    for (const parameter of ['barrier', 'limit']) echo(tree, '3', `/${id}/numtasks/${parameter}`);
  }
  const max = () => ['1', '2'].map((id) => machine.pids!.max(Number(id)));
  for (const looked of ['1', '2']) {
    const bash = await actor(t);
    echo(tree, `${bash.pid}`, '/1/tasks');
    const child = await bash.run('sleep 100 & echo $!');
    echo(tree, child, '/2/tasks');
    t.strictSame(max(), [3, 4]);
    await bash.run(`kill ${child}; wait`);
    cat(tree, `/${looked}/numtasks/held`);
    t.strictSame(max(), [4, 3], looked);
    await bash.end();
    cat(tree, '/1/numtasks/held');
  }
});

t.test('a task that ends while another is charged makes no room for it', needsCgroup, async (t) => {
  const directory = groupsName();
  const machine = findMachine({ host: 'auto', cgroup: directory });
  let look: (() => void) | undefined;
  const pids = beforeCurrent(machine.pids!, () => look?.());
  const { tree, host } = live(t, { machine: { ...machine, pids }, directory });
  must(tree.mkdir(tree.root, '1'));
  for (const parameter of ['barrier', 'limit']) echo(tree, '1', `/1/numtasks/${parameter}`);
  const [inside, outside, other] = [await actor(t), await actor(t), await actor(t)];
  echo(tree, `${inside.pid}`, '/1/tasks');
  await inside.run('sleep 100 &');
  echo(tree, `${inside.pid}`, '/0/tasks');
  const child = await outside.run('sleep 100 & echo $!');
  echo(tree, child, '/1/tasks');
  echo(tree, `${other.pid}`, '/1/tasks');
  look = () => {
    look = undefined;
    // Waited for, and so not counted any more.
    spawnSync('bash', ['-c', `kill ${child}; while [ -e /proc/${child} ]; do sleep 0.01; done`]);
  };
  t.throws(() => host.answer({ ask: 'charge', pid: other.pid }), { code: 'ENOMEM' });
  t.equal(cat(tree, '/1/numtasks/held'), '1\n');
  // There it could not fork to end its jobs.
  echo(tree, `${other.pid}`, '/0/tasks');
});

t.test('what cannot be charged', needsCgroup, async (t) => {
  const { host } = live(t);
  t.throws(() => host.answer({ ask: 'charge', pid: noPid }), { code: 'ESRCH', message: `no task ${noPid}` });
  const { pid } = await shell(t);
  t.equal(host.answer({ ask: 'charge', pid }), null, 'one in beancounter 0 is charged there already');
});

t.test('a beancounter has its groups in all hierarchies or in none', needsCgroup, (t) => {
  const directory = groupsName();
  const machine = findMachine({ host: 'auto', cgroup: directory });
  const full = changed(machine.hierarchies[0]!, {
    make: () => {
      throw new BcfsError('ENOSPC', 'no more groups');
    },
    remove: () => true,
  });
  const hierarchies = [...machine.hierarchies, full];
  const { tree } = live(t, { machine: { ...machine, hierarchies }, directory });
  t.equal(tree.mkdir(tree.root, '1'), -errno.ENOSPC);
  for (const groups of machine.hierarchies) t.strictSame(groups.ids(), []);
  t.end();
});

t.test('what cannot be read is logged, and what was last known is shown', needsCgroup, async (t) => {
  const directory = groupsName();
  const machine = findMachine({ host: 'auto', cgroup: directory });
  let broken = false;
  const pids = beforeCurrent(machine.pids!, () => {
    if (broken) throw new Error('Input/output error');
  });
  const { tree, log } = live(t, { machine: { ...machine, pids }, directory });
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  await bash.run('sleep 100 &');
  t.equal(cat(tree, '/1/numtasks/held'), '1\n');
  broken = true;
  t.equal(cat(tree, '/1/numtasks/held'), '1\n');
  t.match(log, [/^numtasks of 1: .*Input\/output error/]);
  broken = false;
});

t.test('who cannot be moved', needsCgroup, (t) => {
  const { tree } = live(t);
  must(tree.mkdir(tree.root, '1'));
  t.equal(echo(tree, `${noPid}`, '/1/tasks'), -errno.ESRCH);
  t.equal(echo(tree, `${noPid}`, '/1/threads'), -errno.ESRCH);
  t.equal(echo(tree, '0', '/1/tasks'), -errno.ESRCH, 'nobody knows who writes');
  t.equal(echo(tree, `${process.pid}`, '/1/tasks'), -errno.EBUSY);
  const thread = kernelThread();
  if (thread !== undefined) t.equal(echo(tree, `${thread}`, '/1/tasks'), -errno.EINVAL);
  t.equal(echo(tree, 'me', '/1/tasks'), -errno.EINVAL);
  t.end();
});

t.test(
  'a task that has ended and was not waited for cannot be moved',
  { ...needsPython, ...needsCgroup },
  async (t) => {
    const { tree } = live(t);
    must(tree.mkdir(tree.root, '1'));
    t.equal(echo(tree, `${await zombie(t)}`, '/1/tasks'), -errno.EINVAL);
  },
);

t.test('who writes is who is moved for 0, and others move their own only', needsCgroup, async (t) => {
  const { host, registry, tree, machine } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const { pid } = await shell(t);
  const bc = registry.find(1)!;
  t.throws(() => host.move(pid, bc, { uid: 1000, gid: 1000, pid }), { code: 'EPERM' });
  t.throws(() => host.moveThread(pid, bc, { uid: 1000, gid: 1000, pid }), { code: 'EPERM' });
  t.throws(
    () => host.move(0, bc, { uid: 0, gid: 0, pid: 0 }),
    { code: 'ESRCH' },
    'one of another pid namespace',
  );
  t.strictSame(machine.members!.processes(1), []);
  host.move(0, bc, { uid: 0, gid: 0, pid });
  t.strictSame(machine.members!.processes(1), [pid]);
});

t.test('threads of one process in two beancounters', { ...needsPython, ...needsCgroup }, async (t) => {
  const { tree, host, machine } = live(t);
  for (const id of ['1', '2']) must(tree.mkdir(tree.root, id));
  const { pid, end } = await manyThreads(t, 5);
  echo(tree, `${pid}`, '/1/tasks');
  t.equal(machine.pids!.current(1), 5);
  t.equal(cat(tree, '/1/numtasks/held'), '0\n');
  const tid = machine.members!.threads(1).find((each) => each !== pid)!;
  if (machine.members!.version === 'v2') {
    t.equal(echo(tree, `${tid}`, '/2/threads'), -errno.EOPNOTSUPP, 'whole processes only');
    t.equal(machine.pids!.current(1), 5);
    return;
  }
  t.equal(echo(tree, `${tid}`, '/2/threads'), `${tid}`.length);
  t.strictSame([machine.pids!.current(1), machine.pids!.current(2)], [4, 1]);
  t.strictSame([cat(tree, '/1/numtasks/held'), cat(tree, '/2/numtasks/held')], ['0\n', '0\n']);
  t.equal(host.answer({ ask: 'which', pid: tid }), 2);
  t.equal(host.answer({ ask: 'which', pid }), 1);
  t.same(
    host.answer({ ask: 'ps' }).map(({ pid, threads, beancounter }) => ({ pid, threads, beancounter })),
    [
      { pid, threads: 4, beancounter: 1 },
      { pid, threads: 1, beancounter: 2 },
    ],
  );
  await end();
  t.strictSame([cat(tree, '/1/numtasks/held'), cat(tree, '/2/numtasks/held')], ['0\n', '0\n']);
});

t.test('a beancounter lives on, unseen, until its tasks have ended', needsCgroup, async (t) => {
  const { tree, host, registry, machine } = live(t);
  must(tree.mkdir(tree.root, '1'));
  echo(tree, '200', '/1/numtasks/limit');
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  t.equal(tree.rmdir(tree.root, '1'), 0);
  t.ok(registry.find(1));
  t.match(host.answer({ ask: 'status' }), { beancounters: 2, unseen: 1 }, 'status tells of it');
  t.equal(machine.pids!.max(1), 201, 'and so does its limit');
  must(tree.mkdir(tree.root, '1'));
  t.equal(cat(tree, '/1/numtasks/limit'), '200\n', 'mkdir finds it again');
  t.equal(tree.rmdir(tree.root, '1'), 0);
  host.tick();
  t.ok(registry.find(1));
  await bash.end();
  host.tick();
  t.notOk(registry.find(1));
  t.strictSame(machine.members!.ids(), []);
  must(tree.mkdir(tree.root, '1'));
  t.equal(cat(tree, '/1/numtasks/limit'), '128\n', 'a new one');
});

t.test('mkdir does not find one that lived through tasks that have ended', needsCgroup, async (t) => {
  const { tree } = live(t);
  must(tree.mkdir(tree.root, '1'));
  echo(tree, '200', '/1/numtasks/limit');
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  t.equal(tree.rmdir(tree.root, '1'), 0);
  await bash.end();
  must(tree.mkdir(tree.root, '1'));
  t.equal(cat(tree, '/1/numtasks/limit'), '128\n');
});

t.test(
  'a beancounter lives on for a task that is charged to it and was moved elsewhere',
  needsCgroup,
  async (t) => {
    const { tree, host, registry } = live(t);
    for (const id of ['1', '2']) must(tree.mkdir(tree.root, id));
    const bash = await actor(t);
    echo(tree, `${bash.pid}`, '/1/tasks');
    const child = await bash.run('sleep 100 & echo $!');
    echo(tree, child, '/2/tasks');
    echo(tree, `${bash.pid}`, '/0/tasks');
    t.equal(tree.rmdir(tree.root, '1'), 0);
    host.tick();
    t.ok(registry.find(1));
    await bash.run(`kill ${child}; wait`);
    host.tick();
    t.notOk(registry.find(1));
  },
);

t.test('beancounter 0 holds what no other does', needsCgroup, async (t) => {
  const { tree } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  await bash.run('for i in {1..20}; do sleep 100 & done');
  t.equal(cat(tree, '/1/numtasks/held'), '20\n');
  const rest = () => {
    const total = Number(/\/(\d+) /.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1]);
    return Math.abs(total - 20 - Number(cat(tree, '/0/numtasks/held')));
  };
  // Others come and go meanwhile.
  await until('beancounter 0 has the rest', () => rest() <= 3);
  for (const resource of ['numfiles', 'physpages', 'privvmpages', 'kmemsize']) {
    t.ok(Number(cat(tree, `/0/${resource}/held`)) > 0, resource);
  }
});
