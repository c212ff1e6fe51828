import { inspect } from 'node:util';
import t from 'tap';
import { Group, Item } from '../../lib/configfs/item.js';
import { Tree } from '../../lib/configfs/tree.js';
import { BcfsError, errno } from '../../lib/errors.js';
import { at, cat, must, Shelf } from '../fixtures/shelf.js';

/** A tree whose root makes what a test likes. */
function treeMaking(makeItem: (name: string) => unknown) {
  class Maker extends Shelf {
    override makeItem(name: string) {
      return makeItem(name) as Item;
    }
  }
  const lines: string[] = [];
  const root = new Maker();
  return { root, tree: new Tree(root, { log: (line) => lines.push(line) }), lines };
}

t.test('makeItem is given the name', (t) => {
  const names: string[] = [];
  const { tree } = treeMaking((name) => {
    names.push(name);
    return new Item();
  });
  must(tree.mkdir(tree.root, 'a'));
  must(tree.mkdir(tree.root, 'x'.repeat(255)));
  t.equal(tree.mkdir(tree.root, 'x'.repeat(256)), -errno.ENAMETOOLONG);
  t.equal(tree.mkdir(tree.root, 'a'), -errno.EEXIST);
  t.equal(tree.mkdir(tree.root, 'description'), -errno.EEXIST);
  t.strictSame(names, ['a', 'x'.repeat(255)], 'one that may be had');
  t.end();
});

t.test('a makeItem that gives nonsense is EIO, logged with the path, and nothing is made', (t) => {
  for (const nonsense of [undefined, null, 5, -5, 'item', {}, { link: undefined }]) {
    const { root, tree, lines } = treeMaking(() => nonsense);
    t.equal(tree.mkdir(root, 'a'), -errno.EIO, inspect(nonsense));
    t.equal(lines.length, 1);
    t.match(lines[0], /^mkdir \/a: Error: makeItem gave no new item\n/);
    t.equal(root.children.size, 0);
    t.equal(tree.resolve('/a'), -errno.ENOENT);
  }
  t.end();
});

t.test('a makeItem that gives an item which is in a tree already is EIO, and nothing is made', (t) => {
  const item = new Item();
  const { root, tree, lines } = treeMaking(() => item);
  must(tree.mkdir(root, 'a'));
  t.equal(tree.mkdir(root, 'b'), -errno.EIO);
  t.strictSame([...root.children.keys()], ['a']);
  t.equal(at(tree, '/a'), item);
  t.equal(lines.length, 1);
  t.end();
});

t.test('so is one with a group in it that is in a tree, or in it twice', (t) => {
  const shared = new Group();
  const makes = [
    () => new Group([['shared', shared]]),
    () => new Group([['nested', new Group([['shared', shared]])]]),
    () => {
      const twice = new Group();
      return new Group([
        ['one', twice],
        ['two', twice],
      ]);
    },
    () => {
      const circle = new Group();
      circle.add('circle', circle);
      return circle;
    },
  ];
  new Tree(shared);
  for (const make of makes) {
    const { root, tree, lines } = treeMaking(make);
    t.equal(tree.mkdir(root, 'a'), -errno.EIO);
    t.equal(root.children.size, 0);
    t.equal(shared.link?.name, '', 'and what is in another tree stays there');
    t.equal(lines.length, 1);
  }
  t.end();
});

t.test('a makeItem that refuses has its errno, and one that fails is EIO', (t) => {
  const refusing = treeMaking(() => {
    throw new BcfsError('ENOMEM', 'full');
  });
  t.equal(refusing.tree.mkdir(refusing.root, 'a'), -errno.ENOMEM);
  t.strictSame(refusing.lines, []);
  const failing = treeMaking(() => {
    throw new Error('a mistake');
  });
  t.equal(failing.tree.mkdir(failing.root, 'a'), -errno.EIO);
  t.match(failing.lines[0], /^mkdir \/a: Error: a mistake\n/);
  t.equal(failing.root.children.size, 0);
  t.end();
});

t.test('a group without makeItem makes nothing', (t) => {
  const tree = new Tree(new Group());
  t.equal(tree.mkdir(tree.root, 'a'), -errno.EPERM);
  t.end();
});

t.test('dropItem is given the item, which is out of the tree by then', (t) => {
  const shelf = new Shelf();
  const tree = new Tree(shelf);
  const item = must(tree.mkdir(shelf, 'a'));
  t.equal(tree.rmdir(shelf, 'a'), 0);
  t.strictSame(shelf.dropped, [item]);
  t.equal(item.link, undefined);
  t.end();
});

t.test('a group without dropItem drops nothing', (t) => {
  class Maker extends Group {
    override makeItem() {
      return new Item();
    }
  }
  const tree = new Tree(new Maker());
  must(tree.mkdir(tree.root, 'a'));
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  t.end();
});

t.test('a dropItem that throws is logged with the path, and the item is gone', (t) => {
  class Clinging extends Shelf {
    override dropItem() {
      throw new Error('a mistake');
    }
  }
  const lines: string[] = [];
  const tree = new Tree(new Clinging(), { log: (line) => lines.push(line) });
  must(tree.mkdir(tree.root, 'a'));
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  t.equal(lines.length, 1);
  t.match(lines[0], /^rmdir \/a: Error: a mistake\n/);
  t.equal(tree.resolve('/a'), -errno.ENOENT);
  must(tree.mkdir(tree.root, 'a'));
  t.equal(cat(tree, '/a/value'), 'empty\n', 'and the name is free');
  t.end();
});
