import t from 'tap';
import { Group, Item } from '../../lib/configfs/item.js';
import { Tree, type Node } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { at, attributeAt, Box, cat, must, Shelf } from '../fixtures/shelf.js';

/** Shelves in a bookcase; each shelf that mkdir makes has a drawer, where mkdir makes boxes as well. */
class Bookcase extends Shelf {
  override makeItem(): Item {
    return new DrawerShelf();
  }
}
class DrawerShelf extends Shelf {
  constructor() {
    super([['drawer', new Shelf()]]);
  }
}

function names(tree: Tree, path: string): string[] {
  return must(tree.readdir(at(tree, path))).map(({ name }) => name);
}

t.test('groups nest: mkdir works in an item that is a group, and in its default groups', (t) => {
  const tree = new Tree(new Bookcase());
  must(tree.mkdir(tree.root, 'top'));
  must(tree.mkdir(at(tree, '/top'), 'a'));
  must(tree.mkdir(at(tree, '/top/drawer'), 'b'));
  t.strictSame(names(tree, '/'), ['top', 'description']);
  t.strictSame(names(tree, '/top'), ['drawer', 'a', 'description'], 'directories, then attributes');
  t.strictSame(names(tree, '/top/drawer'), ['b', 'description']);
  t.strictSame(names(tree, '/top/drawer/b'), ['value', 'size', 'fill']);
  t.equal(cat(tree, '/top/drawer/b/value'), 'empty\n');
  t.equal(must(tree.getattr(at(tree, '/top'))).nlink, 4);
  t.equal(tree.mkdir(at(tree, '/top/a'), 'c'), -errno.EPERM, 'a box is no group');
  t.equal(tree.path(at(tree, '/top/drawer/b') as Item), '/top/drawer/b');
  t.equal(tree.path(tree.root), '');
  t.end();
});

t.test('rmdir of a group with made items in it is ENOTEMPTY', (t) => {
  const tree = new Tree(new Bookcase());
  must(tree.mkdir(tree.root, 'top'));
  const top = at(tree, '/top');
  must(tree.mkdir(top, 'a'));
  t.equal(tree.rmdir(tree.root, 'top'), -errno.ENOTEMPTY, 'in it');
  t.equal(tree.rmdir(top, 'a'), 0);
  must(tree.mkdir(at(tree, '/top/drawer'), 'b'));
  t.equal(tree.rmdir(tree.root, 'top'), -errno.ENOTEMPTY, 'in a default group of it');
  t.strictSame(names(tree, '/top/drawer'), ['b', 'description'], 'and nothing has changed');
  t.equal(tree.rmdir(top, 'drawer'), -errno.EPERM);
  t.equal(tree.rmdir(at(tree, '/top/drawer'), 'b'), 0);
  t.equal(tree.rmdir(tree.root, 'top'), 0, 'its default groups go with it');
  t.equal(tree.resolve('/top'), -errno.ENOENT);
  t.end();
});

t.test('a group has no two things of one name', (t) => {
  const shelf = new Shelf();
  shelf.add('a', new Item());
  t.throws(() => shelf.add('a', new Item()), { code: 'EEXIST', message: 'a is there already' });
  t.throws(() => shelf.add('description', new Item()), { code: 'EEXIST' }, 'an attribute counts too');
  t.throws(() => new Group(['a', 'a'].map((name) => [name, new Item()] as const)), { code: 'EEXIST' });
  t.equal(shelf.children.size, 1);
  t.end();
});

t.test('an item has no attributes, and a group no children, until it says so', (t) => {
  const tree = new Tree(new Group());
  t.strictSame(tree.root.attributes, []);
  t.equal(tree.root.children.size, 0);
  tree.root.remove('nothing');
  t.strictSame(must(tree.readdir(tree.root)), []);
  t.end();
});

t.test('registerGroup adds a default group to a group in the tree', (t) => {
  const tree = new Tree(new Shelf());
  const drawer = new Group([['box', new Box()]]);
  tree.registerGroup(tree.root, 'drawer', drawer);
  t.strictSame(names(tree, '/'), ['drawer', 'description']);
  t.equal(cat(tree, '/drawer/box/value'), 'empty\n');
  t.equal(must(tree.getattr(tree.root)).nlink, 3);
  t.equal(tree.rmdir(tree.root, 'drawer'), -errno.EPERM, 'which stays');
  t.end();
});

t.test('registerGroup of a name that is taken, or of a group that is in a tree, changes nothing', (t) => {
  const tree = new Tree(new Shelf());
  const drawer = new Group();
  tree.registerGroup(tree.root, 'drawer', drawer);
  const before = must(tree.getattr(tree.root));
  t.throws(() => tree.registerGroup(tree.root, 'drawer', new Group()), { code: 'EEXIST' });
  t.throws(() => tree.registerGroup(tree.root, 'description', new Group()), { code: 'EEXIST' });
  t.throws(() => tree.registerGroup(tree.root, 'other', drawer), { code: 'EBUSY' });
  t.throws(() => tree.registerGroup(tree.root, 'other', new Group([['drawer', drawer]])), { code: 'EBUSY' });
  t.strictSame(names(tree, '/'), ['drawer', 'description']);
  t.strictSame(must(tree.getattr(tree.root)), before);
  t.end();
});

t.test('an item that was removed may be put into a tree again', (t) => {
  const box = new Box();
  class Recycling extends Shelf {
    override makeItem() {
      return box;
    }
  }
  const tree = new Tree(new Recycling());
  must(tree.mkdir(tree.root, 'a'));
  const file = must(tree.open(at(tree, '/a/value'), 2));
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  must(tree.mkdir(tree.root, 'b'));
  t.equal(cat(tree, '/b/value'), 'empty\n');
  t.equal(file.write(Buffer.from('full\n')), -errno.ENOENT, 'a descriptor of before stays dead');
  t.equal(file.read(Buffer.alloc(10), 0), -errno.ENOENT);
  t.equal(box.value, 'empty\n');
  t.end();
});

t.test('the parent of a node is the directory that it is in', (t) => {
  const tree = new Tree(new Bookcase());
  const top = must(tree.mkdir(tree.root, 'top'));
  t.equal(tree.parent(at(tree, '/top/drawer')), top);
  t.equal(tree.parent(at(tree, '/top/description')), top);
  t.equal(tree.parent(top), tree.root);
  t.equal(tree.parent(tree.root), tree.root, 'the root is in itself');
  t.end();
});

t.test('paths are names between slashes', (t) => {
  const tree = new Tree(new Bookcase());
  const top = must(tree.mkdir(tree.root, 'top'));
  for (const path of ['top', '/top', '//top', '/top/', '/top//']) {
    t.equal(tree.resolve(path), top, path);
  }
  for (const path of ['', '/', '//']) t.equal(tree.resolve(path), tree.root, JSON.stringify(path));
  t.equal(attributeAt(tree, '/top/description').attribute.name, 'description');
  const table: [path: string, code: number][] = [
    ['/nothing', errno.ENOENT],
    ['/nothing/below', errno.ENOENT],
    ['/description/below', errno.ENOTDIR],
    ['/description/', errno.ENOTDIR],
    [`/${'x'.repeat(255)}`, errno.ENOENT],
    [`/${'x'.repeat(256)}`, errno.ENAMETOOLONG],
    [`/${'é'.repeat(128)}/below`, errno.ENAMETOOLONG],
  ];
  for (const [path, code] of table) t.equal(tree.resolve(path), -code, path.slice(0, 20));
  t.end();
});

t.test('every operation on a removed item, and in it, is ENOENT', (t) => {
  const tree = new Tree(new Bookcase());
  const top = must(tree.mkdir(tree.root, 'top'));
  const removed: Node[] = [top, at(tree, '/top/drawer'), at(tree, '/top/description')];
  t.equal(tree.rmdir(tree.root, 'top'), 0);
  for (const node of removed) {
    t.equal(tree.getattr(node), -errno.ENOENT, 'getattr');
    t.equal(tree.chmod(node, 0o600), -errno.ENOENT, 'chmod');
    t.equal(tree.chown(node, 1, 1), -errno.ENOENT, 'chown');
    t.equal(tree.utimes(node, 1, 1), -errno.ENOENT, 'utimes');
    if (!(node instanceof Item)) {
      t.equal(tree.open(node, 0), -errno.ENOENT, 'open');
      t.equal(tree.truncate(node), -errno.ENOENT, 'truncate');
      continue;
    }
    t.equal(tree.readdir(node), -errno.ENOENT, 'readdir');
    t.equal(tree.lookup(node, 'description'), -errno.ENOENT, 'lookup');
    t.equal(tree.lookup(node, ''), -errno.ENOENT, 'lookup of itself');
    t.equal(tree.mkdir(node, 'a'), -errno.ENOENT, 'mkdir');
    t.equal(tree.rmdir(node, 'drawer'), -errno.ENOENT, 'rmdir');
    t.equal(tree.create(node, 'a'), -errno.ENOENT, 'create');
    t.equal(tree.mknod(node, 'a', 0), -errno.ENOENT, 'mknod');
    t.equal(tree.symlink(node, 'a'), -errno.ENOENT, 'symlink');
    t.equal(tree.link(tree.root, node, 'a'), -errno.ENOENT, 'link');
    t.equal(tree.unlink(node, 'description'), -errno.ENOENT, 'unlink');
    t.equal(tree.rename(node, 'description'), -errno.ENOENT, 'rename');
  }
  t.end();
});

function makeGroup(tree: Tree, name: string): Group {
  const made = must(tree.mkdir(tree.root, name));
  if (!(made instanceof Group)) throw new Error(`${name} is no group`);
  return made;
}

t.test('nothing comes into a group that is in no tree any more', (t) => {
  const log: string[] = [];
  const tree = new Tree(new Bookcase(), { log: (line) => log.push(line) });
  const top = makeGroup(tree, 'top');
  t.equal(tree.rmdir(tree.root, 'top'), 0);
  const drawer = new Group();
  t.throws(() => tree.registerGroup(top, 'other', drawer), { code: 'ENOENT' });
  t.strictSame([[...top.children.keys()], drawer.link], [['drawer'], undefined]);

  class Fleeting extends Shelf {
    override makeItem(): Item {
      t.equal(tree.rmdir(tree.root, 'fleeting'), 0);
      return new Box();
    }
  }
  const fleeting = new Fleeting();
  tree.root.makeItem = () => fleeting;
  must(tree.mkdir(tree.root, 'fleeting'));
  t.equal(tree.mkdir(fleeting, 'box'), -errno.ENOENT, 'makeItem removed its own group');
  t.equal(fleeting.children.size, 0);
  t.strictSame(log, []);
  t.end();
});

t.test('a parent may go while it is told that a child does', (t) => {
  const tree = new Tree(new Bookcase());
  const top = makeGroup(tree, 'top');
  must(tree.mkdir(top, 'a'));
  tree.onChange((node, change) => {
    if (change === 'entries' && node === top) t.fail('it is gone');
    if (change === 'removed' && node !== top && top.children.size === 2) {
      top.remove('a');
      t.equal(tree.rmdir(tree.root, 'top'), 0);
    }
  });
  t.equal(tree.rmdir(top, 'a'), 0);
  t.strictSame(names(tree, '/'), ['description']);
  t.end();
});
