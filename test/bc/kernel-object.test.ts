import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { kmemsize } from '../../lib/bc/resources/kmemsize.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { engine, shown } from './engine.js';

function allocator() {
  const { registry, log } = engine();
  const tasks = new Tasks(registry);
  const bc = registry.get(1);
  const counter = bc.counter(kmemsize);
  const task = tasks.adopt(100);
  tasks.move(task, bc);
  return { registry, tasks, bc, counter, task, log };
}

t.test('kernel memory is charged in bytes to exec_bc: slab objects by their size, whole pages', (t) => {
  const { tasks, bc, counter, task } = allocator();
  const references = bc.references;
  const object = tasks.allocate(task, 192);
  const pages = tasks.allocate(task, 2 * 4096);
  t.equal(object.bytes, 192);
  t.equal(object.bc, bc);
  t.equal(counter.held, 8384);
  t.equal(bc.references, references + 2);
  object.free();
  t.equal(counter.held, 8192);
  pages.free();
  t.equal(counter.held, 0);
  t.equal(bc.references, references);
  t.end();
});

t.test('an allocation is charged with BARRIER unless it asks for LIMIT', (t) => {
  const { tasks, bc, counter, task } = allocator();
  counter.change(100, 200);
  const references = bc.references;
  t.throws(() => tasks.allocate(task, 101), { code: 'ENOMEM' });
  t.throws(() => tasks.allocate(task, 101, Severity.BARRIER), { code: 'ENOMEM' });
  t.throws(() => tasks.allocate(task, 201, Severity.LIMIT), { code: 'ENOMEM' });
  t.match(counter, { held: 0, maxheld: 0, failcnt: 3 });
  t.equal(bc.references, references);
  tasks.allocate(task, 101, Severity.LIMIT);
  t.equal(counter.held, 101);
  t.end();
});

t.test('an object remembers its beancounter, whoever frees it', (t) => {
  const { registry, tasks, counter, task, log } = allocator();
  const object = tasks.allocate(task, 100);
  const two = registry.get(2);
  tasks.move(task, two);
  registry.find(1)!.put();
  t.equal(registry.find(1), object.bc, 'the object alone holds it');
  object.free();
  t.equal(counter.held, 0);
  t.equal(two.counter(kmemsize).held, 0);
  t.equal(registry.find(1), undefined);
  t.strictSame(log, []);
  t.end();
});

t.test('an object that is free already is EINVAL', (t) => {
  const { tasks, bc, counter, task, log } = allocator();
  const object = tasks.allocate(task, 100);
  tasks.allocate(task, 100);
  object.free();
  const references = bc.references;
  t.throws(() => object.free(), { code: 'EINVAL' });
  t.equal(counter.held, 100);
  t.equal(bc.references, references);
  t.strictSame(log, []);
  t.end();
});

t.test('a size that is no size is EINVAL, and nothing changes', (t) => {
  const { tasks, bc, counter, task } = allocator();
  const references = bc.references;
  const before = shown(counter);
  for (const bad of [-1, 1.5, NaN, 2 ** 53]) {
    t.throws(() => tasks.allocate(task, bad), { code: 'EINVAL' }, `${bad}`);
  }
  t.strictSame(shown(counter), before);
  t.equal(bc.references, references);
  t.end();
});
