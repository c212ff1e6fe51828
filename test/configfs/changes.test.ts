import t from 'tap';
import { Item, type Group } from '../../lib/configfs/item.js';
import { Tree, type Change, type Node, type TreeOptions } from '../../lib/configfs/tree.js';
import { BcfsError, errno } from '../../lib/errors.js';
import { at, cat, echo, must, Shelf } from '../fixtures/shelf.js';

/** A tree with the box `a`, and what a listener is told from then on. */
function watched(root: Group = new Shelf(), options: TreeOptions = {}) {
  const tree = new Tree(root, options);
  must(tree.mkdir(tree.root, 'a'));
  const told: [path: string, change: Change, ino: number][] = [];
  const pathOf = (node: Node) =>
    node instanceof Item ? tree.path(node) : `${tree.path(node.item)}/${node.attribute.name}`;
  const stop = tree.onChange((node, change) => told.push([pathOf(node), change, tree.ino(node)]));
  return { tree, told, stop };
}

t.test('a listener is told of each change, whoever makes it', (t) => {
  const { tree, told } = watched();
  must(tree.mkdir(tree.root, 'b'));
  tree.registerGroup(tree.root, 'c', new Shelf());
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  t.equal(tree.chmod(at(tree, '/b'), 0o700), 0);
  t.equal(tree.chown(at(tree, '/b/value'), 1, 2), 0);
  t.equal(tree.utimes(at(tree, '/description'), 1, 2), 0);
  t.strictSame(told, [
    ['', 'entries', 1],
    ['', 'entries', 1],
    ['/a', 'removed', 3], // while it still has its number
    ['', 'entries', 1],
    ['/b', 'attributes', 7],
    ['/b/value', 'attributes', 8],
    ['/description', 'attributes', 2],
  ]);
  t.end();
});

t.test('a listener is told nothing of what changes nothing that is cached', (t) => {
  const { tree, told } = watched();
  t.equal(tree.mkdir(tree.root, 'a'), -errno.EEXIST);
  t.equal(tree.rmdir(tree.root, 'b'), -errno.ENOENT);
  t.equal(cat(tree, '/a/value'), 'empty\n');
  t.equal(echo(tree, 'full\n', '/a/value'), 5);
  t.equal(tree.truncate(at(tree, '/a/value')), 0);
  t.strictSame(told, []);
  const gone = at(tree, '/a');
  tree.rmdir(tree.root, 'a');
  told.length = 0;
  t.equal(tree.chmod(gone, 0), -errno.ENOENT);
  t.strictSame(told, []);
  t.end();
});

t.test('several listen, the same function twice too, each until it ends it', (t) => {
  const tree = new Tree(new Shelf());
  let count = 0;
  const listener = () => {
    count += 1;
  };
  const stops = [tree.onChange(listener), tree.onChange(listener)];
  tree.chmod(tree.root, 0o700);
  t.equal(count, 2);
  stops[0]!();
  stops[0]!();
  tree.chmod(tree.root, 0o700);
  t.equal(count, 3);
  stops[1]!();
  tree.chmod(tree.root, 0o700);
  t.equal(count, 3);
  t.end();
});

t.test('a listener that throws is logged, and stops neither the change nor the others', (t) => {
  const log: string[] = [];
  const { tree, told } = watched(new Shelf(), { log: (line) => log.push(line) });
  tree.onChange(() => {
    throw new Error('a mistake');
  });
  tree.onChange((node, change) => told.push(['', change, tree.ino(node)]));
  must(tree.mkdir(tree.root, 'b'));
  t.equal(told.length, 2);
  t.match(log, [/^a listener: Error: a mistake/]);
  t.end();
});

t.test('a directory has another modification time after every change of its entries', (t) => {
  let now = 1000;
  const tree = new Tree(new Shelf(), { now: () => now });
  const times = new Set<number>();
  const mtime = () => must(tree.getattr(tree.root)).mtime;
  times.add(mtime());
  for (let i = 0; i < 100; i += 1) {
    must(tree.mkdir(tree.root, 'a'));
    times.add(mtime());
    t.equal(tree.rmdir(tree.root, 'a'), 0);
    times.add(mtime());
  }
  t.equal(times.size, 201);
  t.ok(Math.max(...times) < 1001);
  now = 1001;
  must(tree.mkdir(tree.root, 'a'));
  t.equal(mtime(), 1001);
  now = 500;
  must(tree.mkdir(tree.root, 'b'));
  t.equal(mtime(), 500, 'a clock that is set back is followed');
  t.end();
});

/** A box whose show and store take a while, on a clock of the test's own. */
function slowShelf(options: TreeOptions = {}) {
  let clock = 0;
  const took = { show: 0, store: 0, makeItem: 0 };
  class Slow extends Item {
    override get attributes() {
      return [
        {
          name: 'value',
          mode: 0o644,
          show: () => {
            clock += took.show;
            return '1\n';
          },
          store: () => {
            clock += took.store;
            throw new BcfsError('EINVAL', 'refused');
          },
        },
      ];
    }
  }
  class SlowShelf extends Shelf {
    override makeItem() {
      clock += took.makeItem;
      return new Slow();
    }
  }
  const log: string[] = [];
  const tree = new Tree(new SlowShelf(), { clock: () => clock, log: (line) => log.push(line), ...options });
  return { tree, took, log };
}

t.test('what takes longer than 100 ms is logged with its path', (t) => {
  const { tree, took, log } = slowShelf();
  took.makeItem = 1234.5;
  must(tree.mkdir(tree.root, 'a'));
  took.show = 100;
  t.equal(cat(tree, '/a/value'), '1\n');
  took.show = 101;
  t.equal(cat(tree, '/a/value'), '1\n');
  took.store = 250;
  t.equal(echo(tree, 'x', '/a/value'), -errno.EINVAL, 'a refusal too');
  t.strictSame(log, ['mkdir /a: took 1235 ms', '/a/value: took 101 ms', '/a/value: took 250 ms']);
  t.end();
});

t.test('how long is an option', (t) => {
  const { tree, took, log } = slowShelf({ slow: 5 });
  took.makeItem = 6;
  must(tree.mkdir(tree.root, 'a'));
  t.strictSame(log, ['mkdir /a: took 6 ms']);
  t.end();
});
