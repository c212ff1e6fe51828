import t from 'tap';
import { Group, Item } from '../../lib/configfs/item.js';
import { Tree } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { must, Shelf } from '../fixtures/shelf.js';

const bad = [
  ['', 'EINVAL'],
  ['.', 'EINVAL'],
  ['..', 'EINVAL'],
  ['a/b', 'EINVAL'],
  ['/', 'EINVAL'],
  ['a\0', 'EINVAL'],
  ['x'.repeat(256), 'ENAMETOOLONG'],
  ['é'.repeat(128), 'ENAMETOOLONG'],
] as const;
const good = ['x'.repeat(255), 'é'.repeat(127), '...', '.a', ' ', 'a\n'];

class Named extends Group {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  override get attributes() {
    return [{ name: this.#name, mode: 0o444, show: () => '' }];
  }
}

t.test('what cannot be a name is no child of a group', (t) => {
  for (const [name, code] of bad) {
    const group = new Group();
    t.throws(() => group.add(name, new Item()), { name: 'BcfsError', code }, JSON.stringify(name));
    t.equal(group.children.size, 0);
    t.throws(() => new Group([[name, new Item()]]), { code });
    const tree = new Tree(group);
    const child = new Item();
    t.throws(() => tree.registerGroup(group, name, child), { code });
    t.strictSame(tree.readdir(group), []);
    t.equal(child.link, undefined);
  }
  for (const name of good) t.doesNotThrow(() => new Group([[name, new Item()]]), name);
  t.end();
});

t.test('an item with an attribute of such a name enters no tree', (t) => {
  for (const [name, code] of bad) {
    t.throws(() => new Tree(new Named(name)), { name: 'BcfsError', code }, JSON.stringify(name));
    const tree = new Tree(new Group());
    const group = new Group([['part', new Named(name)]]);
    t.throws(() => tree.registerGroup(tree.root, 'a', group), { code }, 'in a default group');
    t.strictSame(tree.readdir(tree.root), []);
    t.equal(group.link, undefined);
  }
  for (const name of good) t.doesNotThrow(() => new Tree(new Named(name)), name);
  t.end();
});

t.test('a mkdir that makes such an item is EIO, and logged', (t) => {
  for (const [name] of bad) {
    class Makes extends Shelf {
      override makeItem() {
        return new Named(name);
      }
    }
    const lines: string[] = [];
    const tree = new Tree(new Makes(), { log: (line) => lines.push(line) });
    t.equal(tree.mkdir(tree.root, 'a'), -errno.EIO, JSON.stringify(name));
    t.equal(tree.resolve('/a'), -errno.ENOENT);
    t.equal(lines.length, 1);
    t.match(lines[0], 'mkdir /a: Error: makeItem: BcfsError: ');
  }
  t.end();
});

t.test('a mkdir of such a name is refused before the program is asked', (t) => {
  const asked: string[] = [];
  class Asks extends Shelf {
    override makeItem(name: string) {
      asked.push(name);
      return new Item();
    }
  }
  const tree = new Tree(new Asks());
  for (const [name, code] of bad) {
    t.equal(tree.mkdir(tree.root, name), -errno[name === '' ? 'EEXIST' : code], JSON.stringify(name));
  }
  t.strictSame(asked, []);
  must(tree.mkdir(tree.root, '...'));
  t.strictSame(asked, ['...']);
  t.end();
});
