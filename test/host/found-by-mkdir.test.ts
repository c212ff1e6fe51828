import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import { taskSource } from '../../lib/bc/task-source.js';
import { Tasks } from '../../lib/bc/tasks.js';
import type { Dialect } from '../../lib/bc/value.js';
import { ProcfsTasks } from '../../lib/host/procfs-tasks.js';
import { beancounterTree } from '../../lib/nodes/subsystem.js';
import { mounted, needsFuse } from '../fixtures/mounted.js';
import { shell } from '../fixtures/processes.js';
import { cat, echo, must } from '../fixtures/shelf.js';

/** A tree over the tasks of this machine, which nothing reaps. */
function treeOfThisMachine(dialect: Dialect) {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  const host = new ProcfsTasks(tasks);
  return beancounterTree(registry, {
    dialect,
    source: taskSource(
      tasks,
      (pid) => host.find(pid),
      (bc) => host.reapOf(bc),
    ),
  });
}

t.test('mkdir does not find a beancounter that lived through tasks that have ended', async (t) => {
  const tree = treeOfThisMachine('people');
  must(tree.mkdir(tree.root, '1'));
  const first = await shell(t);
  const second = await shell(t);
  echo(tree, '200', '/1/numtasks/limit');
  for (const { pid } of [first, second]) echo(tree, String(pid), '/1/tasks');
  must(tree.rmdir(tree.root, '1'));
  await first.end();
  must(tree.mkdir(tree.root, '1'));
  t.equal(cat(tree, '/1/numtasks/limit'), '200\n', 'one lives');
  must(tree.rmdir(tree.root, '1'));
  await second.end();
  must(tree.mkdir(tree.root, '1'));
  t.equal(cat(tree, '/1/numtasks/limit'), '128\n', 'none lives');
});

t.test('mkdir finds one that has another directory, though its tasks have ended', async (t) => {
  const tree = treeOfThisMachine('strict');
  must(tree.mkdir(tree.root, '1'));
  const { pid, end } = await shell(t);
  echo(tree, '200', '/1/numtasks/limit');
  echo(tree, String(pid), '/1/tasks');
  await end();
  must(tree.mkdir(tree.root, '01'));
  t.equal(cat(tree, '/01/numtasks/limit'), '200\n');
});

async function makesAgain(t: Test, mountpoint: string): Promise<void> {
  const one = join(mountpoint, '1');
  const limit = join(one, 'numtasks/limit');
  mkdirSync(one);
  const { pid, end } = await shell(t);
  writeFileSync(limit, '200');
  writeFileSync(join(one, 'tasks'), String(pid));
  rmdirSync(one);
  await end();
  mkdirSync(one);
  t.equal(readFileSync(limit, 'utf8'), '128\n');
}

t.test('on a mount too', needsFuse, async (t) => {
  await makesAgain(t, await mounted(t));
});
