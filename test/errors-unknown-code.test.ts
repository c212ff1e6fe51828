import t from 'tap';
import type { Attribute } from '../lib/configfs/attribute.js';
import { Item } from '../lib/configfs/item.js';
import { Tree } from '../lib/configfs/tree.js';
import { BcfsError, errno, type ErrnoName } from '../lib/errors.js';
import { cat, echo, must, Shelf } from './fixtures/shelf.js';

t.test('a BcfsError of a code that is no errno is a TypeError', (t) => {
  for (const code of ['ENOTHING', 'eio', '', 'toString', '__proto__', undefined, null, 5]) {
    t.throws(
      () => new BcfsError(code as ErrnoName, 'no'),
      new TypeError(`${String(code)} is not the name of an errno: no`),
    );
  }
  t.end();
});

t.test('a show and a store that refuse with a code that is no errno fail with EIO, and it is logged', (t) => {
  const refuse = () => {
    throw new BcfsError('ENOTHING' as ErrnoName, 'no');
  };
  const attributes: Attribute[] = [{ name: 'value', mode: 0o644, show: refuse, store: refuse }];
  class Part extends Item {
    override get attributes() {
      return attributes;
    }
  }
  class Parts extends Shelf {
    override makeItem() {
      return new Part();
    }
  }
  const lines: string[] = [];
  const tree = new Tree(new Parts(), { log: (line) => lines.push(line) });
  must(tree.mkdir(tree.root, 'a'));
  t.equal(echo(tree, '1', '/a/value'), -errno.EIO);
  t.equal(cat(tree, '/a/value'), -errno.EIO);
  t.equal(lines.length, 2);
  for (const line of lines)
    t.match(line, /^\/a\/value: TypeError: ENOTHING is not the name of an errno: no\n/);
  t.end();
});

t.test('a quota is refused with EDQUOT', (t) => {
  t.equal(new BcfsError('EDQUOT', 'too much').errno, -122);
  t.end();
});
