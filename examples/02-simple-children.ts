/**
 * 02-simple-children: a group whose users make its items, with mkdir.
 *
 *     node dist/examples/02-simple-children.js [mountpoint]
 *
 * It shows how a directory comes to be: `makeItem` is asked for the item of a name, and may refuse; the item
 * brings its own files, and is the program's own object, with whatever else it needs. `dropItem` is told when
 * rmdir has removed one. Names that start with a dot are refused here.
 *
 *     # mkdir one                # echo 5 > one/storeme
 *     # cat one/storeme          # rmdir one
 *     0
 *
 * With a mountpoint it serves the directory there, until ^C; without one it makes two items and prints them.
 * After the second of the kernel's own three examples, samples/configfs.
 */
import { BcfsError, Group, Item, Tree, type Attribute } from 'bcfs';
import { fileURLToPath } from 'node:url';
import { print, write } from './print.js';
import { serve } from './serve.js';

/** What mkdir makes. */
class SimpleChild extends Item {
  readonly name: string;
  stored = 0;

  constructor(name: string) {
    super();
    this.name = name;
  }

  override get attributes(): readonly Attribute[] {
    return childAttributes;
  }
}

const childAttributes: readonly Attribute<SimpleChild>[] = [
  {
    name: 'storeme',
    mode: 0o644,
    show: ({ stored }) => `${stored}\n`,
    store(child, text) {
      if (!/^-?[0-9]{1,9}\n?$/.test(text))
        throw new BcfsError('EINVAL', 'a whole number of up to nine digits');
      child.stored = Number(text);
    },
  },
];

/** Where mkdir makes them. */
export class SimpleChildren extends Group {
  override get attributes(): readonly Attribute[] {
    return groupAttributes;
  }

  override makeItem(name: string): Item {
    if (name.startsWith('.'))
      throw new BcfsError('EINVAL', `${name}: the name of an item has no dot before it`);
    return new SimpleChild(name);
  }

  override dropItem(item: Item): void {
    if (item instanceof SimpleChild) console.log(`dropped ${item.name}, which held ${item.stored}`);
  }
}

const groupAttributes: readonly Attribute[] = [
  {
    name: 'description',
    mode: 0o444,
    show: () => 'A group of items with one number each.\n',
  },
];

// The third example uses the group, too.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const tree = new Tree(new SimpleChildren());
  const [mountpoint] = process.argv.slice(2);
  if (mountpoint !== undefined) await serve(tree, mountpoint);
  tree.mkdir(tree.root, 'one');
  tree.mkdir(tree.root, 'two');
  write(tree, '/two/storeme', '2');
  print(tree);
  tree.rmdir(tree.root, 'two');
}
