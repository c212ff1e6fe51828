import t from 'tap';
import { standardResources } from '../../../lib/bc/registry.js';
import { MAXVALUE } from '../../../lib/bc/value.js';
import { engine } from '../engine.js';

// v6.md, the engine: the table of resources, in index order.
const table = [
  ['kmemsize', 'bytes', 65536n, 65536n],
  ['privvmpages', 'pages', 9223372036854775807n, 9223372036854775807n],
  ['physpages', 'pages', 9223372036854775807n, 9223372036854775807n],
  ['numtasks', 'items', 128n, 128n],
  ['numfiles', 'items', 256n, 512n],
] as const;

t.test("v6's resources, in index order, with the parameters of a new beancounter", (t) => {
  const { registry } = engine();
  t.equal(registry.resources.length, 5);
  const bc = registry.get(1);
  for (const [index, [name, unit, barrier, limit]] of table.entries()) {
    const resource = standardResources[index]!;
    t.equal(resource.name, name);
    t.equal(resource.unit, unit, name);
    t.equal(registry.indexOf(resource), index, name);
    t.match(bc.counter(resource), { barrier, limit, held: 0, maxheld: 0, minheld: 0, failcnt: 0 }, name);
  }
  t.end();
});

t.test('beancounter 0 has barrier and limit unlimited for every resource', (t) => {
  const { registry } = engine();
  for (const counter of registry.root.counters) {
    t.equal(counter.barrier, MAXVALUE, counter.resource.name);
    t.equal(counter.limit, MAXVALUE, counter.resource.name);
  }
  t.end();
});
