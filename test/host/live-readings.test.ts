import t from 'tap';
import { BcfsError, errno } from '../../lib/errors.js';
import type { Groups, Machine } from '../../lib/host/groups.js';
import { findMachine } from '../../lib/host/machine.js';
import { python } from '../fixtures/python.js';
import { actor } from '../fixtures/actor.js';
import { changed, groupsName, live, needsCgroup } from '../fixtures/live.js';
import { isAlive, until } from '../fixtures/mounted.js';
import { noPid, shell } from '../fixtures/processes.js';
import { cat, echo, must } from '../fixtures/shelf.js';

const reading = {
  id: 1,
  privvmpages: 700,
  numfiles: 30,
  tasks: 1,
  resident: 10,
};

t.test('what is sampled is shown as of the last sample', needsCgroup, (t) => {
  const { tree, sampler } = live(t);
  must(tree.mkdir(tree.root, '1'));
  t.equal(cat(tree, '/1/numfiles/held'), '0\n');
  sampler.give({ readings: [reading] });
  t.equal(cat(tree, '/1/numfiles/held'), '30\n');
  t.equal(cat(tree, '/1/privvmpages/held'), '700\n');
  sampler.give({ readings: [{ ...reading, numfiles: 20 }] });
  t.strictSame(
    ['held', 'maxheld', 'failcnt'].map((name) => cat(tree, `/1/numfiles/${name}`)),
    ['20\n', '30\n', '0\n'],
  );
  sampler.give({ readings: [] });
  t.equal(cat(tree, '/1/numfiles/held'), '0\n', 'whoever is not in the sample has nothing');
  sampler.give({ readings: [{ ...reading, id: 99 }] });
  t.equal(cat(tree, '/1/numfiles/held'), '0\n');
  t.end();
});

t.test('what is held above the barrier is told once', needsCgroup, (t) => {
  const { tree, sampler, events } = live(t, { now: () => 12345 });
  must(tree.mkdir(tree.root, '1'));
  echo(tree, '25', '/1/numfiles/barrier');
  for (const numfiles of [25, 26, 30, 25, 27]) {
    sampler.give({ readings: [{ ...reading, numfiles }] });
    cat(tree, '/1/numfiles/held');
  }
  t.match(events, [
    { time: 12345, event: 'barrier-hit', beancounter: 1, resource: 'numfiles', value: 26 },
    { event: 'barrier-hit', value: 27 },
  ]);
  t.equal(events.length, 2);
  t.end();
});

t.test('the sampler is told of parameters, moves and ends', needsCgroup, async (t) => {
  const before = { start: '1', files: [], addressSpace: '1 2 3', privvmpages: 5 };
  const { tree, sampler } = live(t, { readBelongings: () => before });
  must(tree.mkdir(tree.root, '1'));
  const { pid } = await shell(t);
  echo(tree, '20', '/1/numfiles/barrier');
  echo(tree, '1000', '/1/privvmpages/barrier');
  echo(tree, '100', '/1/numtasks/barrier');
  echo(tree, `${pid}`, '/1/tasks');
  echo(tree, `${pid}`, '/0/tasks');
  t.equal(tree.rmdir(tree.root, '1'), 0);
  t.strictSame(sampler.asked, [
    {
      kind: 'beancounter',
      id: 1,
      numfiles: { barrier: 256, limit: 512 },
      privvmpages: { barrier: Infinity, limit: Infinity },
    },
    {
      kind: 'beancounter',
      id: 1,
      numfiles: { barrier: 20, limit: 512 },
      privvmpages: { barrier: Infinity, limit: Infinity },
    },
    {
      kind: 'beancounter',
      id: 1,
      numfiles: { barrier: 20, limit: 512 },
      privvmpages: { barrier: 1000, limit: Infinity },
    },
    { kind: 'moved', pid, from: 0, to: 1, before },
    { kind: 'moved', pid, from: 1, to: 0, before },
    { kind: 'gone', id: 1 },
  ]);
});

t.test('a process that ends before it is moved is no such task', needsCgroup, async (t) => {
  const { tree } = live(t, { readBelongings: () => undefined });
  must(tree.mkdir(tree.root, '1'));
  const { pid } = await shell(t);
  t.equal(echo(tree, `${pid}`, '/1/tasks'), -errno.ESRCH);
  t.equal(echo(tree, `${pid}`, '/1/threads'), -errno.ESRCH);
});

t.test('processes that share an address space move together', needsCgroup, async (t) => {
  const sharers: number[] = [];
  const { tree, machine } = live(t, { sharersOf: () => sharers });
  const [one, other] = [await shell(t), await shell(t)];
  sharers.push(one.pid, other.pid, noPid);
  must(tree.mkdir(tree.root, '1'));
  echo(tree, `${one.pid}`, '/1/tasks');
  t.strictSame(
    machine.members!.processes(1),
    [one.pid, other.pid].sort((a, b) => a - b),
  );
});

t.test('memory is what the kernel counts, and its limit holds', needsCgroup, async (t) => {
  const { tree, machine, events } = live(t);
  must(tree.mkdir(tree.root, '1'));
  echo(tree, `${16 << 20}`, '/1/kmemsize/limit');
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  const hog = (mebibytes: number) =>
    `${python} -c 'x = "x" * (${mebibytes} << 20); print("held", flush=True); import time; time.sleep(100)'`;
  await bash.run(`${hog(50)} > /dev/null &`);
  await until('50 MiB are held', () => Number(cat(tree, '/1/physpages/held')) > 12800);
  t.ok(Number(cat(tree, '/1/kmemsize/held')) > 0);
  echo(tree, '100', '/1/physpages/barrier');
  t.equal(
    echo(tree, '1000', '/1/physpages/limit'),
    -errno.ENOMEM,
    'below what is held and cannot be given back',
  );
  t.match(events.at(-1), { event: 'parameter', resource: 'physpages', value: 1000 });
  t.equal(cat(tree, '/1/physpages/limit'), '9223372036854775807\n');
  t.equal(echo(tree, '20000', '/1/physpages/limit'), 5);
  t.equal(machine.memory!.limit(1), 20000 * 4096 + (16 << 20));
  // On v2 a task is slowed down from the barrier on.
  echo(tree, '20000', '/1/physpages/barrier');
  await bash.run('kill %1; wait 2>/dev/null');
  await bash.run(`${hog(200)}; true`);
  t.ok(Number(cat(tree, '/1/physpages/failcnt')) >= 1, 'the one that asked for more was killed');
  t.match(events.at(-1), { event: 'killed', resource: 'physpages' });
  t.equal(await bash.run('echo alive'), 'alive', 'and nobody else');
  t.equal(echo(tree, '9223372036854775807', '/1/physpages/limit'), 19);
  t.equal(machine.memory!.limit(1), undefined);
});

t.test('a move that one hierarchy refuses is taken back in the others', needsCgroup, async (t) => {
  const directory = groupsName();
  const machine = findMachine({ host: 'auto', cgroup: directory });
  const [first, ...others] = machine.hierarchies;
  const refuse = () => {
    throw new BcfsError('EIO', 'no');
  };
  const broken = (groups: Groups) => changed(groups, { moveProcess: refuse, moveThread: refuse });
  const half: Machine = { ...machine, hierarchies: [first!, ...others.map(broken)] };
  if (others.length === 0) return t.pass('one hierarchy', { skip: 'this machine has one hierarchy' });
  const { tree, sampler } = live(t, { machine: half, directory });
  must(tree.mkdir(tree.root, '1'));
  const { pid } = await shell(t);
  for (const file of ['tasks', 'threads']) {
    t.equal(echo(tree, `${pid}`, `/1/${file}`), -errno.EIO);
    t.strictSame(first!.processes(1), []);
    t.notOk(sampler.isLate, 'what was announced has come');
    t.strictSame(sampler.asked.at(-1), { kind: 'sample' });
  }
});

t.test('a process that forked in the middle of a move is put where it belongs', needsCgroup, async (t) => {
  const { tree, machine, sampler, host } = live(t);
  must(tree.mkdir(tree.root, '1'));
  const { pid } = await shell(t);
  machine.members!.moveProcess(pid, 1);
  sampler.give({ readings: [reading] });
  host.tick();
  for (const groups of machine.hierarchies) t.strictSame(groups.processes(1), [pid], groups.directory);
});

t.test(
  'short of memory, the beancounter most above its barrier loses its heaviest process',
  needsCgroup,
  async (t) => {
    let short = false;
    const { tree, host, events, log } = live(t, { pressure: () => short });
    for (const id of ['1', '2', '3']) must(tree.mkdir(tree.root, id));
    const [light, heavy, heaviest] = [await actor(t), await actor(t), await actor(t)];
    echo(tree, `${light.pid}`, '/1/tasks');
    for (const { pid } of [heavy, heaviest]) echo(tree, `${pid}`, '/2/tasks');
    await heavy.run('x=$(head -c 3000000 /dev/zero | tr "\\\\0" x)');
    await heaviest.run('x=$(head -c 30000000 /dev/zero | tr "\\\\0" x)');
    for (const id of [1, 2]) echo(tree, '1', `/${id}/physpages/barrier`);
    const look = () => [1, 2].map((id) => Number(cat(tree, `/${id}/physpages/held`)));
    await until('the heavy ones are counted', () => look()[1]! > look()[0]! + 1000);
    host.tick();
    t.ok(isAlive(heaviest.pid), 'there is no need');
    short = true;
    host.tick();
    await until('the heaviest was killed', () => !isAlive(heaviest.pid));
    t.ok(isAlive(heavy.pid));
    t.match(events.at(-1), { event: 'killed', beancounter: 2, resource: 'physpages', value: heaviest.pid });
    t.match(log, [new RegExp(`${heaviest.pid} of beancounter 2 is killed`)]);
    t.equal(cat(tree, '/2/physpages/failcnt'), '1\n');
    host.tick();
    t.ok(isAlive(heavy.pid), 'its memory is not free at once');
  },
);
