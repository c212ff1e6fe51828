import t from 'tap';
import { numtasks } from '../../lib/bc/resources/numtasks.js';
import { physpages } from '../../lib/bc/resources/physpages.js';
import { privvmpages } from '../../lib/bc/resources/privvmpages.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { engine } from './engine.js';

t.test('an exit uncharges task_bc, not exec_bc, and drops both references', (t) => {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  const [one, two] = [registry.get(1), registry.get(2)];
  const shell = tasks.adopt(100);
  tasks.move(shell, one);
  const child = tasks.fork(shell, 101);
  tasks.move(child, two);
  tasks.exit(child);
  t.match(one.counter(numtasks), { held: 0, maxheld: 1 });
  t.match(two.counter(numtasks), { held: 0, maxheld: 0 });
  t.equal(one.references, 3, "the directory, the shell's exec_bc and its memory");
  t.equal(two.references, 1, 'the directory');
  t.equal(tasks.find(101), undefined);
  tasks.exit(shell);
  t.equal(registry.root.counter(numtasks).held, 0);
  t.equal(registry.root.references, 1);
  t.equal(one.references, 1);
  t.equal(tasks.size, 0);
  t.strictSame(log, []);
  t.end();
});

t.test('the memory goes with the last task that uses it', (t) => {
  const { registry } = engine();
  const tasks = new Tasks(registry);
  const bc = registry.get(1);
  const shell = tasks.adopt(100);
  tasks.move(shell, bc);
  const thread = tasks.fork(shell, 101, { memory: 'vm' });
  const mapping = shell.mm!.map(10);
  mapping.fault(0);
  tasks.exit(shell);
  t.equal(bc.counter(privvmpages).held, 10);
  t.equal(bc.counter(physpages).held, 1);
  tasks.exit(thread);
  t.equal(bc.counter(privvmpages).held, 0);
  t.equal(bc.counter(physpages).held, 0);
  t.equal(bc.references, 1);
  t.end();
});

t.test('a beancounter without a directory lives until its last task ends', (t) => {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  const bc = registry.get(1);
  const shell = tasks.adopt(100);
  tasks.move(shell, bc);
  const child = tasks.fork(shell, 101);
  tasks.move(shell, registry.root);
  bc.put();
  t.equal(registry.find(1), bc);
  tasks.exit(child);
  t.equal(registry.find(1), undefined);
  t.strictSame(log, []);
  t.end();
});

t.test('a task ends once, whoever has its tid afterwards', (t) => {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  const task = tasks.adopt(100);
  tasks.exit(task);
  t.throws(() => tasks.exit(task), { code: 'ESRCH' });
  const next = tasks.adopt(100);
  t.throws(() => tasks.exit(task), { code: 'ESRCH' });
  t.equal(tasks.find(100), next);
  t.equal(registry.root.counter(numtasks).held, 1);
  t.strictSame(log, []);
  t.end();
});
