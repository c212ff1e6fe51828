/**
 * 01-childless: the simplest subsystem there is. One directory, three files, and mkdir is refused.
 *
 *     node dist/examples/01-childless.js [mountpoint]
 *
 * It shows what an attribute is: a row in a table, with a name, a mode, a `show` for those who read it and a
 * `store` for those who write it. `showme` can only be read, and counts how often it was; `storeme` can be
 * written too, and refuses what is not a number; `description` never changes.
 *
 *     # cat showme showme        # echo 7 > storeme        # echo seven > storeme
 *     0                          # cat storeme             bash: echo: write error: Invalid argument
 *     1                          7
 *
 * With a mountpoint it serves the directory there, until ^C; without one it prints it. After the first of the
 * kernel's own three examples, samples/configfs.
 */
import { BcfsError, Group, Tree, type Attribute } from 'bcfs';
import { print } from './print.js';
import { serve } from './serve.js';

/** The directory. A group without `makeItem` refuses mkdir. */
class Childless extends Group {
  shown = 0;
  stored = 0;

  override get attributes(): readonly Attribute[] {
    return attributes;
  }
}

/** Its files. */
const attributes: readonly Attribute<Childless>[] = [
  {
    name: 'showme',
    mode: 0o444,
    show(childless) {
      const value = childless.shown;
      childless.shown += 1;
      return `${value}\n`;
    },
  },
  {
    name: 'storeme',
    mode: 0o644,
    show: ({ stored }) => `${stored}\n`,
    store(childless, text) {
      childless.stored = parseNumber(text);
    },
  },
  {
    name: 'description',
    mode: 0o444,
    show: () => 'A subsystem whose directory has files and no children.\n',
  },
];

/** What a store throws is what the writer gets: EINVAL here. */
function parseNumber(text: string): number {
  if (!/^-?[0-9]{1,9}\n?$/.test(text)) throw new BcfsError('EINVAL', 'a whole number of up to nine digits');
  return Number(text);
}

const tree = new Tree(new Childless());
const [mountpoint] = process.argv.slice(2);
if (mountpoint !== undefined) await serve(tree, mountpoint);
print(tree);
