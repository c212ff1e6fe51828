import t from 'tap';
import type { Attribute } from '../../lib/configfs/attribute.js';
import { Item } from '../../lib/configfs/item.js';
import { Tree } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { Session } from '../../lib/fuse/protocol/session.js';
import { named, request } from '../fixtures/kernel.js';
import { cat, echo, must, Shelf } from '../fixtures/shelf.js';

const log = () => {
  throw new Error('no room for the log');
};

/** Without a prototype: String() of it throws. */
const bare: unknown = Object.create(null);

const attributes: Attribute[] = [
  {
    name: 'value',
    mode: 0o644,
    show() {
      throw bare;
    },
    store() {
      throw bare;
    },
  },
];

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

t.test('what cannot be turned into text is EIO, and logged', (t) => {
  const lines: string[] = [];
  const tree = new Tree(new Parts(), { log: (line) => lines.push(line) });
  must(tree.mkdir(tree.root, 'a'));
  t.equal(cat(tree, '/a/value'), -errno.EIO);
  t.equal(echo(tree, '1', '/a/value'), -errno.EIO);
  t.strictSame(lines, Array(2).fill('/a/value: [Object: null prototype] {}'));
  t.end();
});

t.test('a log that throws changes no answer of a tree', (t) => {
  const tree = new Tree(new Parts(), { log });
  must(tree.mkdir(tree.root, 'a'));
  t.equal(cat(tree, '/a/value'), -errno.EIO);
  t.equal(echo(tree, '1', '/a/value'), -errno.EIO);
  t.end();
});

t.test('a log that throws changes no answer of a session', (t) => {
  let isBroken = false;
  class Breaks extends Shelf {
    override get attributes(): readonly Attribute[] {
      if (isBroken) throw bare as Error;
      return super.attributes;
    }
  }
  const session = new Session(new Tree(new Breaks()), { validity: 0, log });
  isBroken = true;
  const bytes = request(1, 1, [named('b')], 7n);
  session.request.bytes.set(bytes);
  t.equal(session.handle(bytes.length), 16);
  t.equal(session.reply.bytes.readInt32LE(4), -errno.EIO);
  t.end();
});
