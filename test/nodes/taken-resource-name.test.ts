import t from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import type { Resource } from '../../lib/bc/resource.js';
import { Group } from '../../lib/configfs/item.js';
import { errno } from '../../lib/errors.js';
import { beancounterTree } from '../../lib/nodes/subsystem.js';
import { at, cat, must } from '../fixtures/shelf.js';

t.test(
  "a resource is refused whose name is a program's own group in a tree, and nothing changes anywhere",
  (t) => {
    const calls: string[] = [];
    const sockets: Resource = {
      name: 'sockets',
      unit: 'items',
      barrier: 10n,
      limit: 20n,
      init: ({ beancounter }) => calls.push(`init ${beancounter.id}`),
    };
    const registry = new Registry();
    const trees = [beancounterTree(registry), beancounterTree(registry)] as const;
    for (const tree of trees) must(tree.mkdir(tree.root, '1'));
    const own = new Group();
    trees[1].registerGroup(at(trees[1], '/1') as Group, 'sockets', own);
    t.throws(() => registry.register(sockets), { name: 'BcfsError', code: 'EEXIST' });
    t.strictSame(calls, []);
    t.equal(registry.indexOf(sockets), -1);
    t.equal(registry.resources.length, 5);
    t.equal(registry.root.counters.length, 5);
    t.equal(trees[0].resolve('/0/sockets'), -errno.ENOENT, 'in the other tree either');
    t.equal(trees[0].resolve('/1/sockets'), -errno.ENOENT);
    t.equal(trees[1].resolve('/0/sockets'), -errno.ENOENT);
    t.equal(trees[1].resolve('/1/sockets'), own);
    t.equal(registry.register({ ...sockets, name: 'leases' }), 5, 'its index is free');
    t.strictSame(calls, ['init 0', 'init 1']);
    for (const tree of trees) t.equal(cat(tree, '/1/leases/limit'), '20\n');
    t.end();
  },
);
