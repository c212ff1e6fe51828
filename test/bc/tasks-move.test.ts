import t from 'tap';
import { numfiles } from '../../lib/bc/resources/numfiles.js';
import { numtasks } from '../../lib/bc/resources/numtasks.js';
import { physpages } from '../../lib/bc/resources/physpages.js';
import { kmemsize } from '../../lib/bc/resources/kmemsize.js';
import { privvmpages } from '../../lib/bc/resources/privvmpages.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { engine, shown } from './engine.js';

function house() {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  return { registry, tasks, one: registry.get(1), two: registry.get(2), log };
}

t.test('a move takes every task that shares the address space, and the address space', (t) => {
  const { registry, tasks, one } = house();
  const leader = tasks.adopt(100);
  const thread = tasks.adopt(101, leader.mm);
  const forked = tasks.fork(leader, 102, { memory: 'vm' });
  const process = tasks.fork(leader, 103);
  const kernelThread = tasks.adopt(2, null);
  tasks.move(thread, one);
  for (const task of [leader, thread, forked]) t.equal(task.execBc, one, `${task.tid}`);
  t.equal(leader.mm!.bc, one);
  for (const task of [process, kernelThread]) t.equal(task.execBc, registry.root, `${task.tid}`);
  t.equal(process.mm!.bc, registry.root);
  t.equal(one.references, 5, 'the directory, three tasks, the address space');
  t.end();
});

t.test('a thread moves alone, and the address space stays', (t) => {
  const { registry, tasks, one } = house();
  const leader = tasks.adopt(100);
  const thread = tasks.adopt(101, leader.mm);
  tasks.moveThread(thread, one);
  t.equal(thread.execBc, one);
  t.equal(leader.execBc, registry.root);
  t.equal(leader.mm!.bc, registry.root);
  t.equal(one.references, 2);
  t.end();
});

t.test('nothing is recharged by a move, numtasks of the moved task included', (t) => {
  for (const [title, move] of [
    ['move', 'move'],
    ['moveThread', 'moveThread'],
  ] as const) {
    const { registry, tasks, one, two } = house();
    const shell = tasks.adopt(99);
    tasks.move(shell, one);
    const task = tasks.fork(shell, 100);
    task.mm!.map(7).fault(0);
    const file = tasks.open(task);
    const object = tasks.allocate(task, 4096);
    const before = [registry.root, one, two].map((bc) => bc.counters.map(shown));
    tasks[move](task, two);
    t.strictSame(
      [registry.root, one, two].map((bc) => bc.counters.map(shown)),
      before,
      title,
    );
    t.equal(task.execBc, two, title);
    t.equal(task.taskBc, one, title);

    file.close();
    object.free();
    tasks.exit(task);
    for (const counter of [...one.counters, ...two.counters]) {
      t.equal(counter.held, 0, `${title}: ${counter.resource.name} of ${counter.beancounter.id}`);
    }
  }
  t.end();
});

t.test('what a task does after the move is charged to the new beancounter', (t) => {
  const { registry, tasks, one } = house();
  const shell = tasks.adopt(100);
  tasks.move(shell, one);
  t.equal(one.counter(numtasks).held, 0, 'right after `echo $$ > /bc/1/tasks`');
  const ls = tasks.fork(shell, 101);
  t.equal(one.counter(numtasks).held, 1, 'as long as `ls` runs');
  tasks.exit(ls);
  t.equal(one.counter(numtasks).held, 0);

  tasks.open(shell);
  tasks.allocate(shell, 100);
  shell.mm!.map(5).fault(0);
  t.strictSame(
    [kmemsize, privvmpages, physpages, numtasks, numfiles].map((resource) => one.counter(resource).held),
    [100, 5, 1, 0, 1],
  );
  t.strictSame(
    [kmemsize, privvmpages, physpages, numtasks, numfiles].map((it) => registry.root.counter(it).held),
    [0, 0, 0, 1, 0],
  );
  t.end();
});

t.test('a thread that moved alone opens and allocates in the new one and maps in the old', (t) => {
  const { registry, tasks, one } = house();
  const leader = tasks.adopt(100);
  const thread = tasks.adopt(101, leader.mm);
  tasks.moveThread(thread, one);
  t.equal(tasks.open(thread).bc, one);
  t.equal(tasks.allocate(thread, 1).bc, one);
  t.equal(thread.mm!.map(1).bc, registry.root);
  t.end();
});

t.test('a task may move to where it is', (t) => {
  const { tasks, one, log } = house();
  const task = tasks.adopt(100);
  tasks.move(task, one);
  tasks.move(task, one);
  tasks.moveThread(task, one);
  t.equal(task.execBc, one);
  t.equal(one.references, 3);
  t.strictSame(log, []);
  t.end();
});

t.test('the beancounter that the last one left is finished', (t) => {
  const { registry, tasks, one, two } = house();
  const task = tasks.adopt(100);
  tasks.move(task, one);
  one.put();
  t.equal(registry.find(1), one);
  tasks.move(task, two);
  t.equal(registry.find(1), undefined);
  t.end();
});

t.test('a kernel thread is EINVAL, and stays', (t) => {
  const { registry, tasks, one } = house();
  const kernelThread = tasks.adopt(2, null);
  t.throws(() => tasks.move(kernelThread, one), { code: 'EINVAL' });
  t.throws(() => tasks.moveThread(kernelThread, one), { code: 'EINVAL' });
  t.equal(kernelThread.execBc, registry.root);
  t.equal(one.references, 1);
  t.end();
});

t.test('a task that has ended is ESRCH, and no reference is lost', (t) => {
  const { tasks, registry, one } = house();
  const task = tasks.adopt(100);
  tasks.exit(task);
  t.throws(() => tasks.move(task, one), { code: 'ESRCH' });
  t.throws(() => tasks.moveThread(task, one), { code: 'ESRCH' });
  t.throws(() => task.mm!.setBc(one), { code: 'EINVAL' });
  t.equal(one.references, 1);
  t.equal(registry.root.references, 1);
  t.end();
});
