import t from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import { Severity } from '../../lib/bc/counter.js';
import type { Resource } from '../../lib/bc/resource.js';
import { Group } from '../../lib/configfs/item.js';
import { BcfsError, errno } from '../../lib/errors.js';
import { beancounterTree } from '../../lib/nodes/subsystem.js';
import { at, cat, echo, must } from '../fixtures/shelf.js';

const sockets: Resource = { name: 'sockets', unit: 'items', barrier: 10n, limit: 20n };
const leases: Resource = { name: 'leases', unit: 'items', barrier: 1n, limit: 2n };

t.test('a resource that is registered later appears in every directory, those that live included', (t) => {
  const registry = new Registry();
  const tree = beancounterTree(registry);
  must(tree.mkdir(tree.root, '1'));
  const nlink = must(tree.getattr(at(tree, '/1'))).nlink;
  registry.register(sockets);
  must(tree.mkdir(tree.root, '2'));
  for (const [path, barrier, limit] of [
    ['/0/sockets', '9223372036854775807\n', '9223372036854775807\n'],
    ['/1/sockets', '10\n', '20\n'],
    ['/2/sockets', '10\n', '20\n'],
  ] as const) {
    t.equal(cat(tree, `${path}/barrier`), barrier);
    t.equal(cat(tree, `${path}/limit`), limit);
    t.equal(cat(tree, `${path}/held`), '0\n');
  }
  t.equal(must(tree.getattr(at(tree, '/1'))).nlink, nlink + 1);
  registry.find(1)!.counter(sockets).charge(3, Severity.BARRIER);
  t.equal(cat(tree, '/1/sockets/held'), '3\n');
  t.equal(echo(tree, '15\n', '/1/sockets/barrier'), 3);
  t.equal(registry.find(1)!.counter(sockets).barrier, 15n);
  t.equal(tree.rmdir(at(tree, '/1'), 'sockets'), -errno.EPERM, 'it is a default group');
  registry.find(1)!.counter(sockets).uncharge(3);
  t.equal(tree.rmdir(tree.root, '1'), 0, 'and goes with the directory');
  t.end();
});

t.test('every tree over the registry shows it', (t) => {
  const registry = new Registry();
  const trees = [beancounterTree(registry), beancounterTree(registry, { dialect: 'strict' })];
  registry.register(sockets);
  registry.register(leases);
  for (const tree of trees) {
    t.equal(cat(tree, '/0/sockets/held'), '0\n');
    t.equal(cat(tree, '/0/leases/held'), '0\n');
  }
  t.equal(echo(trees[1]!, '5\n', '/0/leases/limit'), -errno.EINVAL, 'in its own dialect');
  t.end();
});

t.test('a program may have other directories beside the beancounters', (t) => {
  const registry = new Registry();
  const tree = beancounterTree(registry);
  tree.registerGroup(tree.root, 'own', new Group());
  registry.register(sockets);
  t.equal(tree.resolve('/own/sockets'), -errno.ENOENT);
  t.equal(cat(tree, '/0/sockets/held'), '0\n');
  t.end();
});

t.test('a tree shows the resources of its registry, and no dummy', (t) => {
  const registry = new Registry({ resources: [sockets, undefined, leases] });
  const tree = beancounterTree(registry);
  must(tree.mkdir(tree.root, '1'));
  for (const path of ['/0', '/1']) {
    const names = must(tree.readdir(at(tree, path))).map(({ name }) => name);
    t.strictSame(names, ['sockets', 'leases', 'id', 'tasks', 'threads']);
  }
  t.end();
});

t.test('mkdir has the errno of an init hook that refuses; one that fails is EIO, and logged', (t) => {
  for (const [error, code, logged] of [
    [new BcfsError('ENFILE', 'no more'), errno.ENFILE, 0],
    [new Error('a mistake'), errno.EIO, 1],
  ] as const) {
    const picky: Resource = {
      ...sockets,
      init({ beancounter }) {
        if (beancounter.id !== 0) throw error;
      },
    };
    const lines: string[] = [];
    const registry = new Registry({ resources: [picky] });
    const tree = beancounterTree(registry, { log: (line) => lines.push(line) });
    t.equal(tree.mkdir(tree.root, '1'), -code);
    t.equal(tree.resolve('/1'), -errno.ENOENT);
    t.equal(registry.find(1), undefined);
    t.equal(lines.length, logged);
  }
  t.end();
});

t.test('a store has the errno of a change hook that refuses, and nothing changes', (t) => {
  const fixed: Resource = {
    ...sockets,
    change() {
      throw new BcfsError('EBUSY', 'fixed');
    },
  };
  const tree = beancounterTree(new Registry({ resources: [fixed] }));
  must(tree.mkdir(tree.root, '1'));
  t.equal(echo(tree, '1\n', '/1/sockets/barrier'), -errno.EBUSY);
  t.equal(echo(tree, '30\n', '/1/sockets/limit'), -errno.EBUSY);
  t.equal(cat(tree, '/1/sockets/barrier'), '10\n');
  t.equal(cat(tree, '/1/sockets/limit'), '20\n');
  t.end();
});

t.test('parameters are shown exactly, up to 2^63 - 1', (t) => {
  const registry = new Registry({ resources: [sockets] });
  const tree = beancounterTree(registry);
  registry.root.counter(sockets).change(2n ** 63n - 2n, 2n ** 63n - 1n);
  t.equal(cat(tree, '/0/sockets/barrier'), '9223372036854775806\n');
  t.equal(cat(tree, '/0/sockets/limit'), '9223372036854775807\n');
  t.equal(echo(tree, '9007199254740993\n', '/0/sockets/barrier'), 17);
  t.equal(cat(tree, '/0/sockets/barrier'), '9007199254740993\n', 'beyond 2^53 too');
  t.end();
});
