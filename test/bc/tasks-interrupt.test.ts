import t from 'tap';
import { numfiles } from '../../lib/bc/resources/numfiles.js';
import { kmemsize } from '../../lib/bc/resources/kmemsize.js';
import { Tasks } from '../../lib/bc/tasks.js';
import { engine } from './engine.js';

t.test('an interrupt charges beancounter 0, whatever task runs', (t) => {
  const { registry } = engine();
  const tasks = new Tasks(registry);
  const one = registry.get(1);
  const task = tasks.adopt(100);
  tasks.move(task, one);
  t.equal(tasks.chargedBc(task), one);
  t.equal(tasks.chargedBc(undefined), registry.root);
  const object = tasks.allocate(undefined, 100);
  const file = tasks.open(undefined);
  t.equal(registry.root.counter(kmemsize).held, 100);
  t.equal(registry.root.counter(numfiles).held, 1);
  t.equal(one.counter(kmemsize).held, 0);
  t.equal(one.counter(numfiles).held, 0);
  object.free();
  file.close();
  t.equal(registry.root.counter(kmemsize).held, 0);
  t.equal(registry.root.counter(numfiles).held, 0);
  t.end();
});

t.test('what an interrupt opens is charged with BARRIER', (t) => {
  const { registry } = engine();
  const tasks = new Tasks(registry);
  registry.root.counter(numfiles).change(0, 1);
  t.throws(() => tasks.open(undefined), { code: 'EMFILE' });
  t.end();
});
