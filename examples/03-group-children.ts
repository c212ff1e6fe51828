/**
 * 03-group-children: a group whose users make groups, in which they make items.
 *
 *     node dist/examples/03-group-children.js [mountpoint]
 *
 * It shows that a tree grows as deep as its groups allow: what `makeItem` gives may be a group itself, here one
 * of the second example. A group comes with a default group, `limits`, which mkdir did not make and rmdir does
 * not remove; it goes when its group goes. A group that still has items that mkdir made stays.
 *
 *     # mkdir shelf shelf/book       # ls shelf                   # rmdir shelf
 *     # echo 3 > shelf/limits/items  book  description  limits    rmdir: failed to remove 'shelf': Directory not empty
 *
 * With a mountpoint it serves the directory there, until ^C; without one it makes a group, fills it, and prints
 * everything. After the third of the kernel's own three examples, samples/configfs.
 */
import { BcfsError, errnoName, Group, isErrno, Item, strerror, Tree, type Attribute } from 'bcfs';
import { SimpleChildren } from './02-simple-children.js';
import { print, write } from './print.js';
import { serve } from './serve.js';

/** The default group: how many items its parent may have. */
class Limits extends Item {
  items = 2;

  override get attributes(): readonly Attribute[] {
    return limitsAttributes;
  }
}

const limitsAttributes: readonly Attribute<Limits>[] = [
  {
    name: 'items',
    mode: 0o644,
    show: ({ items }) => `${items}\n`,
    store(limits, text) {
      if (!/^[0-9]{1,9}\n?$/.test(text)) throw new BcfsError('EINVAL', 'a number of up to nine digits');
      limits.items = Number(text);
    },
  },
];

/** What mkdir makes first. */
class LimitedChildren extends SimpleChildren {
  readonly #limits: Limits;

  constructor(limits = new Limits()) {
    super([['limits', limits]]);
    this.#limits = limits;
  }

  override makeItem(name: string): Item {
    // The default group is one of the children, and is not counted.
    if (this.children.size - 1 >= this.#limits.items) throw new BcfsError('ENOMEM', 'there are enough');
    return super.makeItem(name);
  }
}

/** Where it makes them. */
class GroupChildren extends Group {
  override get attributes(): readonly Attribute[] {
    return attributes;
  }

  override makeItem(): Item {
    return new LimitedChildren();
  }
}

const attributes: readonly Attribute[] = [
  { name: 'description', mode: 0o444, show: () => 'A group of groups of items.\n' },
];

const tree = new Tree(new GroupChildren());
const [mountpoint] = process.argv.slice(2);
if (mountpoint !== undefined) await serve(tree, mountpoint);
const shelf = tree.mkdir(tree.root, 'shelf');
if (!(shelf instanceof Group)) throw new Error('no shelf was made');
for (const name of ['one', 'two', 'three']) {
  const made = tree.mkdir(shelf, name);
  if (isErrno(made)) console.log(`mkdir shelf/${name}: ${strerror(errnoName(made))}`);
}
write(tree, '/shelf/limits/items', '3');
tree.mkdir(shelf, 'three');
print(tree);
const removed = tree.rmdir(tree.root, 'shelf');
if (isErrno(removed)) console.log(`rmdir shelf: ${strerror(errnoName(removed))}`);
