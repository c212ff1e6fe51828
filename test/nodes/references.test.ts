import t from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import { errno } from '../../lib/errors.js';
import { Item } from '../../lib/configfs/item.js';
import { beancounterTree, BeancountersGroup } from '../../lib/nodes/subsystem.js';
import { must } from '../fixtures/shelf.js';

t.test('a directory holds one reference on its beancounter', (t) => {
  const registry = new Registry();
  const tree = beancounterTree(registry);
  must(tree.mkdir(tree.root, '1'));
  const bc = registry.find(1)!;
  t.equal(bc.references, 1);
  bc.get();
  t.equal(tree.rmdir(tree.root, '1'), 0);
  t.equal(bc.references, 1);
  must(tree.mkdir(tree.root, '1'));
  t.equal(registry.find(1), bc, 'mkdir finds the same one again');
  t.equal(bc.references, 2);
  bc.put();
  t.equal(tree.rmdir(tree.root, '1'), 0);
  t.equal(registry.find(1), undefined);
  t.end();
});

t.test('a mkdir that is refused holds none', (t) => {
  const registry = new Registry();
  const tree = beancounterTree(registry);
  must(tree.mkdir(tree.root, '1'));
  t.equal(tree.mkdir(tree.root, '1'), -errno.EEXIST);
  t.equal(tree.mkdir(tree.root, '01'), -errno.EINVAL);
  t.equal(registry.find(1)!.references, 1);
  t.equal(registry.size, 2);
  t.end();
});

t.test('of two trees over one registry each has its own directories of the same beancounters', (t) => {
  const registry = new Registry();
  const [one, other] = [beancounterTree(registry), beancounterTree(registry)];
  must(one.mkdir(one.root, '1'));
  t.equal(other.resolve('/1'), -errno.ENOENT);
  must(other.mkdir(other.root, '1'));
  t.equal(registry.find(1)!.references, 2);
  t.equal(one.rmdir(one.root, '1'), 0);
  t.equal(other.rmdir(other.root, '1'), 0);
  t.equal(registry.find(1), undefined);
  t.end();
});

t.test('beancounter 0 stays, whatever its directories do', (t) => {
  const registry = new Registry();
  const tree = beancounterTree(registry, { dialect: 'strict' });
  for (let round = 0; round < 3; round += 1) {
    must(tree.mkdir(tree.root, '00'));
    t.equal(tree.rmdir(tree.root, '00'), 0);
  }
  t.equal(registry.find(0), registry.root);
  t.end();
});

t.test('the subsystem gives up only what is a beancounter', (t) => {
  const registry = new Registry();
  const subsystem = new BeancountersGroup(registry);
  subsystem.dropItem(new Item());
  t.equal(registry.size, 1);
  t.end();
});
