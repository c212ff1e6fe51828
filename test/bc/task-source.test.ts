import t from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import { taskSource } from '../../lib/bc/task-source.js';
import { Tasks } from '../../lib/bc/tasks.js';

function setUp() {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  return { tasks, bc: registry.get(1), source: taskSource(tasks) };
}

t.test('0 is whoever writes it', (t) => {
  const { tasks, bc, source } = setUp();
  const writer = tasks.adopt(10);
  const other = tasks.fork(writer, 11, { memory: 'vm' });
  source.moveThread(0, bc, { pid: 10, uid: 0, gid: 0 });
  t.strictSame([writer.execBc.id, other.execBc.id], [1, 0]);
  source.move(0, bc, { pid: 11, uid: 0, gid: 0 });
  t.strictSame([writer.execBc.id, other.execBc.id], [1, 1]);
  t.end();
});

t.test('another number is that task, whoever writes it', (t) => {
  const { tasks, bc, source } = setUp();
  const [writer, other] = [tasks.adopt(10), tasks.adopt(20)];
  source.move(20, bc, { pid: 10, uid: 0, gid: 0 });
  t.strictSame([writer.execBc.id, other.execBc.id], [0, 1]);
  t.end();
});

t.test('0 is nobody where the writer is not known, or in another pid namespace', (t) => {
  const { tasks, bc, source } = setUp();
  tasks.adopt(10);
  for (const caller of [undefined, { pid: 0, uid: 0, gid: 0 }]) {
    t.throws(() => source.move(0, bc, caller), { code: 'ESRCH', message: 'no task 0' });
    t.throws(() => source.moveThread(0, bc, caller), { code: 'ESRCH', message: 'no task 0' });
  }
  t.end();
});

t.test('what was ended is put before a beancounter is found', (t) => {
  const { tasks, bc } = setUp();
  const found: number[] = [];
  taskSource(tasks, undefined, ({ id }) => void found.push(id)).beforeFound?.(bc);
  t.strictSame(found, [1]);
  t.equal(taskSource(tasks).beforeFound?.(bc), undefined);
  t.end();
});
