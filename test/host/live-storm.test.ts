import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { actor } from '../fixtures/actor.js';
import { live, needsCgroup } from '../fixtures/live.js';
import { until } from '../fixtures/mounted.js';
import { put, recordedRoot } from '../fixtures/recorded-root.js';
import { cat, echo, must } from '../fixtures/shelf.js';

/** Whether a line of the log tells more than that this machine was slow. */
const isMistake = (line: string) => !/: took \d+ ms$/.test(line);

t.test('a task that has the tid of one that moved is not that one', needsCgroup, async (t) => {
  const bash = await actor(t);
  const { pid } = bash;
  const files = [`${pid}/status`, `${pid}/cgroup`, `${pid}/task/${pid}/stat`];
  const proc = recordedRoot(
    t,
    Object.fromEntries(files.map((file) => [file, readFileSync(`/proc/${file}`, 'utf8')])),
  );
  const { tree } = live(t, { proc });
  must(tree.mkdir(tree.root, '1'));
  t.equal(echo(tree, `${pid}`, '/1/tasks'), `${pid}`.length);
  t.equal(cat(tree, '/1/numtasks/held'), '0\n');
  const stat = `${pid}/task/${pid}/stat`;
  const fields = readFileSync(join(proc, stat), 'utf8').split(' ');
  fields[21] = `${Number(fields[21]) + 1}`;
  put(proc, { [stat]: fields.join(' ') });
  t.equal(cat(tree, '/1/numtasks/held'), '1\n', 'the kernel has one there, which nobody moved');
  await bash.end();
  await until('nothing is held', () => cat(tree, '/1/numtasks/held') === '0\n');
});

t.test('a process that forks while it is moved to and fro loses nobody', needsCgroup, async (t) => {
  const { host, tree, machine, log } = live(t);
  const ids = ['1', '2'];
  for (const id of ids) must(tree.mkdir(tree.root, id));
  const bash = await actor(t);
  echo(tree, `${bash.pid}`, '/1/tasks');
  let [moves, children] = [0, 0];
  // However fast it forks.
  while (moves <= 10) {
    let isForking = true as boolean;
    const forked = bash.run('for i in {1..100}; do sleep 100 & done').finally(() => (isForking = false));
    for (; isForking; moves += 1) {
      echo(tree, `${bash.pid}`, `/${ids[moves % 2]!}/tasks`);
      await new Promise(setImmediate);
    }
    await forked;
    children += 100;
  }
  t.ok(moves > 10, `${moves} moves`);
  const held = () => ids.reduce((sum, id) => sum + Number(cat(tree, `/${id}/numtasks/held`)), 0);
  t.equal(held(), children, 'each child is charged once');
  const inside = () => ids.reduce((sum, id) => sum + machine.members!.processes(Number(id)).length, 0);
  t.equal(inside(), children + 1);
  await bash.run('kill $(jobs -p); wait');
  t.strictSame([held(), inside()], [0, 1]);
  host.tick();
  t.strictSame(log.filter(isMistake), []);
});

t.test('after a storm of short-lived tasks nothing is held', needsCgroup, async (t) => {
  const { host, tree, registry, machine, log } = live(t);
  const ids = [1, 2, 3, 4, 5];
  const actors = await Promise.all(
    ids.map(async (id) => {
      must(tree.mkdir(tree.root, String(id)));
      const bash = await actor(t);
      echo(tree, `${bash.pid}`, `/${id}/tasks`);
      return bash;
    }),
  );
  let [moved, i] = [0, 0];
  // However fast they come and go.
  while (moved <= 10) {
    let storms = true as boolean;
    const storm = Promise.all(
      actors.map((bash) => bash.run('for i in {1..400}; do (:) & ((i % 20)) || wait; done; wait')),
    ).finally(() => (storms = false));
    for (; storms; i += 1) {
      const from = (i % 5) + 1;
      for (const pid of machine.members!.processes(from)) {
        // The shells too; what has ended meanwhile is refused.
        if (echo(tree, `${pid}`, `/${((from + i) % 5) + 1}/tasks`) > 0) moved += 1;
      }
      for (const id of ids) t.ok(Number(cat(tree, `/${id}/numtasks/held`)) >= 0);
      if (i % 10 === 0) host.tick();
      await new Promise(setImmediate);
    }
    await storm;
  }
  t.ok(moved > 10, `${moved} were moved`);
  for (const { pid } of actors) echo(tree, `${pid}`, '/0/tasks');
  for (const id of ids) {
    t.equal(cat(tree, `/${id}/numtasks/held`), '0\n', `numtasks of ${id}`);
    for (const groups of machine.hierarchies) t.strictSame(groups.processes(id), []);
    t.equal(tree.rmdir(tree.root, String(id)), 0);
  }
  host.tick();
  for (const id of ids) t.notOk(registry.find(id), `${id} has gone`);
  t.strictSame(log.filter(isMistake), []);
});
