import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { OpenFile } from '../../lib/bc/open-file.js';
import { numfiles } from '../../lib/bc/resources/numfiles.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { engine } from './engine.js';

/** A task in beancounter 1, which may open `barrier` files, with CAP_SYS_ADMIN `limit`. */
function opener(barrier: number, limit: number) {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  const bc = registry.get(1);
  const counter = bc.counter(numfiles);
  counter.change(barrier, limit);
  const task = tasks.adopt(100);
  tasks.move(task, bc);
  return { registry, tasks, bc, counter, task, log };
}

t.test("an open is charged to the opener's exec_bc, and holds a reference", (t) => {
  const { tasks, bc, counter, task } = opener(10, 10);
  const references = bc.references;
  const file = tasks.open(task);
  t.equal(file.bc, bc);
  t.equal(counter.held, 1);
  t.equal(bc.references, references + 1);
  file.close();
  t.equal(counter.held, 0);
  t.equal(bc.references, references);
  t.end();
});

t.test('an open is charged with BARRIER, with CAP_SYS_ADMIN with LIMIT', (t) => {
  const { tasks, counter, task } = opener(1, 2);
  tasks.open(task);
  t.throws(() => tasks.open(task), { code: 'EMFILE' });
  task.admin = true;
  tasks.open(task);
  t.throws(() => tasks.open(task), { code: 'EMFILE' });
  t.match(counter, { held: 2, failcnt: 2 });
  t.end();
});

t.test('a refused open is EMFILE and holds nothing', (t) => {
  const { tasks, bc, counter, task } = opener(0, 0);
  const references = bc.references;
  t.throws(() => tasks.open(task), { name: 'BcfsError', code: 'EMFILE', errno: -24 });
  t.throws(() => new OpenFile(bc, Severity.LIMIT), { code: 'EMFILE' });
  t.match(counter, { held: 0, maxheld: 0, failcnt: 2 });
  t.equal(bc.references, references);
  t.end();
});

t.test('a file is counted once, however many descriptors it has, until the final close', (t) => {
  const { tasks, counter, task } = opener(10, 10);
  const file = tasks.open(task);
  t.equal(file.get(), file);
  file.get();
  t.equal(counter.held, 1);
  file.close();
  file.close();
  t.equal(counter.held, 1);
  file.close();
  t.equal(counter.held, 0);
  t.end();
});

t.test('a file remembers its beancounter, whoever closes it', (t) => {
  const { registry, tasks, counter, task, log } = opener(10, 10);
  const file = tasks.open(task);
  const two = registry.get(2);
  tasks.move(task, two);
  registry.find(1)!.put();
  t.equal(registry.find(1), file.bc, 'the file alone holds it');
  file.close();
  t.equal(counter.held, 0);
  t.equal(two.counter(numfiles).held, 0);
  t.equal(registry.find(1), undefined);
  t.strictSame(log, []);
  t.end();
});

t.test('a closed file is EBADF', (t) => {
  const { tasks, counter, task, bc, log } = opener(10, 10);
  const file = tasks.open(task);
  tasks.open(task);
  file.close();
  const references = bc.references;
  t.throws(() => file.close(), { code: 'EBADF' });
  t.throws(() => file.get(), { code: 'EBADF' });
  t.equal(counter.held, 1);
  t.equal(bc.references, references);
  t.strictSame(log, []);
  t.end();
});
