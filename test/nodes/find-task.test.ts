import t from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import { taskSource } from '../../lib/bc/task-source.js';
import { Tasks, type Task } from '../../lib/bc/tasks.js';
import { BcfsError, errno } from '../../lib/errors.js';
import { beancounterTree } from '../../lib/nodes/subsystem.js';
import { echo, must } from '../fixtures/shelf.js';

t.test("tasks and threads move a program's own tasks", (t) => {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  const tree = beancounterTree(registry, { source: taskSource(tasks) });
  must(tree.mkdir(tree.root, '1'));
  const bc = registry.find(1)!;
  const first = tasks.adopt(10);
  const second = tasks.fork(first, 11, { memory: 'vm' });
  const stranger = tasks.adopt(20);
  t.equal(echo(tree, '11\n', '/1/threads'), 3);
  t.strictSame([first.execBc.id, second.execBc.id, stranger.execBc.id], [0, 1, 0]);
  t.equal(first.mm!.bc.id, 0, 'the address space stays');
  t.equal(echo(tree, '11\n', '/1/tasks'), 3);
  t.strictSame([first.execBc.id, second.execBc.id, stranger.execBc.id], [1, 1, 0]);
  t.equal(first.mm!.bc, bc, 'the address space goes with all of them');
  t.equal(echo(tree, '12\n', '/1/tasks'), -errno.ESRCH);
  tasks.adopt(2, null);
  t.equal(echo(tree, '2\n', '/1/tasks'), -errno.EINVAL, 'a kernel thread');
  t.equal(echo(tree, '2\n', '/1/threads'), -errno.EINVAL);
  t.end();
});

t.test('a tree without tasks knows none', (t) => {
  const tree = beancounterTree(new Registry());
  t.equal(echo(tree, `${process.pid}\n`, '/0/tasks'), -errno.ESRCH);
  t.end();
});

t.test('findTask is asked with the number, and may refuse', (t) => {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  const asked: number[] = [];
  const known = tasks.adopt(1);
  const findTask = (pid: number): Task | undefined => {
    asked.push(pid);
    if (pid === 3) throw new BcfsError('EPERM', 'not this one');
    if (pid === 4) throw new Error('a mistake');
    return pid === 5 ? known : undefined;
  };
  const lines: string[] = [];
  const tree = beancounterTree(registry, {
    source: taskSource(tasks, findTask),
    log: (line) => lines.push(line),
  });
  must(tree.mkdir(tree.root, '1'));
  t.equal(echo(tree, '5', '/1/tasks'), 1);
  t.equal(known.execBc.id, 1);
  t.equal(echo(tree, '1', '/1/tasks'), -errno.ESRCH);
  t.equal(echo(tree, '3', '/1/threads'), -errno.EPERM);
  t.strictSame(lines, []);
  t.equal(echo(tree, '4', '/1/threads'), -errno.EIO);
  t.match(lines[0], /^\/1\/threads: Error: a mistake\n/);
  t.equal(echo(tree, '4294967295', '/1/tasks'), -errno.ESRCH);
  t.equal(echo(tree, '4294967296', '/1/tasks'), -errno.EINVAL);
  t.strictSame(asked, [5, 1, 3, 4, 4294967295]);
  t.end();
});
