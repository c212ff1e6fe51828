import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { numtasks } from '../../lib/bc/resources/numtasks.js';
import { privvmpages } from '../../lib/bc/resources/privvmpages.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { engine, shown } from './engine.js';

/** A shell that was moved into beancounter 1. */
function shellIn1() {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  const bc = registry.get(1);
  const shell = tasks.adopt(100);
  tasks.move(shell, bc);
  return { registry, tasks, bc, shell, log };
}

t.test("a child is charged to its parent's exec_bc, and that is its exec_bc and its task_bc", (t) => {
  const { registry, tasks, bc, shell } = shellIn1();
  const references = bc.references;
  const child = tasks.fork(shell, 101);
  t.equal(bc.counter(numtasks).held, 1);
  t.equal(registry.root.counter(numtasks).held, 1, 'the shell itself');
  t.equal(child.tid, 101);
  t.equal(child.execBc, bc);
  t.equal(child.taskBc, bc);
  t.equal(tasks.find(101), child);
  t.equal(tasks.size, 2);
  t.equal(bc.references, references + 3, 'exec_bc, task_bc and the copy of the memory');
  t.end();
});

t.test('a fork is charged with LIMIT', (t) => {
  const { tasks, bc, shell } = shellIn1();
  bc.counter(numtasks).change(0, 2);
  tasks.fork(shell, 101);
  tasks.fork(shell, 102);
  t.throws(() => tasks.fork(shell, 103), { code: 'ENOMEM' });
  t.match(bc.counter(numtasks), { held: 2, maxheld: 2, failcnt: 1 });
  t.equal(tasks.find(103), undefined);
  t.strictSame(
    [...tasks].map((task) => task.tid),
    [100, 101, 102],
  );
  t.end();
});

t.test('threads are tasks that share the memory', (t) => {
  const { tasks, bc, shell } = shellIn1();
  shell.mm!.map(10);
  const references = bc.references;
  const thread = tasks.fork(shell, 101, { memory: 'vm' });
  t.equal(thread.mm, shell.mm);
  t.equal(bc.counter(numtasks).held, 1);
  t.equal(bc.counter(privvmpages).held, 10);
  t.equal(bc.references, references + 2);
  t.end();
});

t.test('a process copies the memory, charged to the exec_bc of its parent', (t) => {
  const { registry, tasks, bc, shell } = shellIn1();
  shell.mm!.map(10);
  const other = registry.get(2);
  tasks.moveThread(shell, other);
  const child = tasks.fork(shell, 101, { memory: 'process' });
  t.not(child.mm, shell.mm);
  t.equal(child.mm!.bc, other);
  t.equal(bc.counter(privvmpages).held, 10);
  t.equal(other.counter(privvmpages).held, 10);
  t.end();
});

t.test('the child of a kernel thread is a kernel thread', (t) => {
  const { registry, tasks } = shellIn1();
  const kthreadd = tasks.adopt(2, null);
  for (const [tid, memory] of [
    [3, 'process'],
    [4, 'vm'],
  ] as const) {
    const child = tasks.fork(kthreadd, tid, { memory });
    t.equal(child.mm, undefined);
    t.equal(child.execBc, registry.root);
  }
  t.equal(registry.root.counter(numtasks).held, 4);
  t.end();
});

t.test('CAP_SYS_ADMIN is inherited', (t) => {
  const { tasks, shell } = shellIn1();
  t.equal(tasks.fork(shell, 101).admin, false);
  shell.admin = true;
  t.equal(tasks.fork(shell, 102).admin, true);
  t.end();
});

t.test('where the copy of the memory is refused, fork is ENOMEM and nothing stays charged', (t) => {
  const { registry, tasks, bc, shell, log } = shellIn1();
  shell.mm!.map(3);
  shell.mm!.map(4);
  bc.counter(privvmpages).change(13, 100);
  const references = bc.references;
  t.throws(() => tasks.fork(shell, 101), { code: 'ENOMEM' }, 'charged with BARRIER');
  t.match(bc.counter(numtasks), { held: 0, maxheld: 1, failcnt: 0 });
  t.match(bc.counter(privvmpages), { held: 7, maxheld: 10, failcnt: 1 });
  t.equal(bc.references, references);
  t.equal(tasks.find(101), undefined);
  t.equal(tasks.size, 1);
  t.strictSame(log, []);
  bc.counter(privvmpages).change(14, 100);
  t.equal(tasks.fork(shell, 101).tid, 101);
  t.equal(registry.find(1)!.counter(privvmpages).held, 14);
  t.end();
});

t.test('a tid that lives is EEXIST, and nothing is charged', (t) => {
  const { registry, tasks, bc, shell } = shellIn1();
  const before = shown(bc.counter(numtasks));
  const references = bc.references;
  t.throws(() => tasks.fork(shell, 100), { code: 'EEXIST' });
  t.throws(() => tasks.adopt(100), { code: 'EEXIST' });
  t.strictSame(shown(bc.counter(numtasks)), before);
  t.equal(bc.references, references);
  t.match(registry.root.counter(numtasks), { held: 1, maxheld: 1 });
  t.end();
});

t.test('a task that has ended does not fork', (t) => {
  const { tasks, bc, shell } = shellIn1();
  tasks.exit(shell);
  t.throws(() => tasks.fork(shell, 101), { code: 'ESRCH' });
  t.match(bc.counter(numtasks), { held: 0, maxheld: 0 });
  t.end();
});

t.test('a task that is adopted is charged to beancounter 0, whatever the limit', (t) => {
  const { registry } = engine();
  const tasks = new Tasks(registry);
  registry.root.counter(numtasks).change(0, 0);
  const task = tasks.adopt(1);
  t.equal(task.execBc, registry.root);
  t.equal(task.taskBc, registry.root);
  t.equal(task.mm!.bc, registry.root);
  t.equal(task.admin, false);
  t.match(registry.root.counter(numtasks), { held: 1, failcnt: 0 });
  t.throws(() => registry.root.counter(numtasks).charge(1, Severity.LIMIT), { code: 'ENOMEM' });
  t.end();
});

t.test('a task may be adopted into the memory of another, or without any', (t) => {
  const { tasks, shell } = shellIn1();
  t.equal(tasks.adopt(101, shell.mm).mm, shell.mm);
  t.equal(tasks.adopt(2, null).mm, undefined);
  t.not(tasks.adopt(102).mm, shell.mm);
  t.end();
});

t.test('memory that has gone is not shared, and nothing stays charged', (t) => {
  const { registry, tasks, shell } = shellIn1();
  tasks.exit(shell);
  const references = registry.root.references;
  t.throws(() => tasks.adopt(101, shell.mm), { code: 'EINVAL' });
  t.equal(registry.root.counter(numtasks).held, 0);
  t.equal(registry.root.references, references);
  t.equal(tasks.size, 0);
  t.end();
});
