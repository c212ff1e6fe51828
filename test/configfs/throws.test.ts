import { inspect } from 'node:util';
import t from 'tap';
import type { Attribute } from '../../lib/configfs/attribute.js';
import { Item } from '../../lib/configfs/item.js';
import { Tree } from '../../lib/configfs/tree.js';
import { BcfsError, errno } from '../../lib/errors.js';
import { cat, echo, must, Shelf } from '../fixtures/shelf.js';

/** A subsystem whose items show what a test likes. */
function treeOf(...attributes: Attribute[]) {
  class Part extends Item {
    override get attributes() {
      return attributes;
    }
  }
  class Machine extends Shelf {
    override makeItem() {
      return new Part();
    }
  }
  const lines: string[] = [];
  const tree = new Tree(new Machine(), { log: (line) => lines.push(line) });
  must(tree.mkdir(tree.root, 'a'));
  return { tree, lines };
}

const good: Attribute = { name: 'good', mode: 0o644, show: () => 'good\n', store: () => undefined };

function throwing(thrown: unknown): () => never {
  return () => {
    throw thrown;
  };
}

t.test('a throw in show is EIO, logged with the path, and the next request is served', (t) => {
  const bad = { name: 'bad', mode: 0o444, show: throwing(new TypeError('a mistake')) };
  const { tree, lines } = treeOf(bad, good);
  t.equal(cat(tree, '/a/bad'), -errno.EIO);
  t.equal(lines.length, 1);
  t.match(lines[0], /^\/a\/bad: TypeError: a mistake\n/);
  t.equal(cat(tree, '/a/good'), 'good\n');
  t.equal(cat(tree, '/a/bad'), -errno.EIO);
  t.equal(lines.length, 2);
  t.end();
});

t.test('a throw in store is EIO, logged with the path, and the next request is served', (t) => {
  const bad = { name: 'bad', mode: 0o200, store: throwing(new TypeError('a mistake')) };
  const { tree, lines } = treeOf(bad, good);
  t.equal(echo(tree, '1', '/a/bad'), -errno.EIO);
  t.equal(lines.length, 1);
  t.match(lines[0], /^\/a\/bad: TypeError: a mistake\n/);
  t.equal(echo(tree, '1', '/a/good'), 1);
  t.end();
});

t.test('whatever is thrown is logged', (t) => {
  const stackless = new Error('no stack');
  delete stackless.stack;
  const table: [thrown: unknown, line: string][] = [
    ['text', '/a/bad: text'],
    [undefined, '/a/bad: undefined'],
    [-22, '/a/bad: -22'],
    [stackless, '/a/bad: no stack'],
  ];
  for (const [thrown, line] of table) {
    const { tree, lines } = treeOf({ name: 'bad', mode: 0o444, show: throwing(thrown) });
    t.equal(cat(tree, '/a/bad'), -errno.EIO);
    t.strictSame(lines, [line]);
  }
  t.end();
});

t.test('a BcfsError is a refusal: its errno, and nothing is logged', (t) => {
  const refusing = throwing(new BcfsError('EBUSY', 'not now'));
  const { tree, lines } = treeOf({ name: 'busy', mode: 0o644, show: refusing, store: refusing });
  t.equal(cat(tree, '/a/busy'), -errno.EBUSY);
  t.equal(echo(tree, '1', '/a/busy'), -errno.EBUSY);
  t.strictSame(lines, []);
  t.end();
});

t.test('a value has at most 4096 bytes: more is EIO, and logged', (t) => {
  const shows = (value: string) => treeOf({ name: 'value', mode: 0o444, show: () => value });
  const page = 'x'.repeat(4096);
  t.equal(cat(shows(page).tree, '/a/value'), page);
  for (const [value, bytes] of [
    [`${page}x`, 4097],
    ['é'.repeat(2049), 4098],
  ] as const) {
    const { tree, lines } = shows(value);
    t.equal(cat(tree, '/a/value'), -errno.EIO);
    t.equal(lines.length, 1);
    t.match(lines[0], `/a/value: Error: show gave ${bytes} bytes; a value has at most 4096\n`);
  }
  t.end();
});

t.test('an empty value reads as nothing', (t) => {
  const { tree } = treeOf({ name: 'value', mode: 0o444, show: () => '' });
  t.equal(cat(tree, '/a/value'), '');
  t.end();
});

t.test('a show that gives no text is EIO, and logged', (t) => {
  for (const value of [undefined, null, 5, -5, {}]) {
    const { tree, lines } = treeOf({ name: 'value', mode: 0o444, show: () => value as string });
    t.equal(cat(tree, '/a/value'), -errno.EIO, inspect(value));
    t.equal(lines.length, 1);
  }
  t.end();
});

t.test('a read that failed may be tried again on the same descriptor', (t) => {
  let calls = 0;
  const { tree } = treeOf({
    name: 'value',
    mode: 0o444,
    show: () => {
      calls += 1;
      if (calls === 1) throw new BcfsError('EBUSY', 'not yet');
      return 'ready\n';
    },
  });
  const file = must(tree.open(must(tree.resolve('/a/value')), 0));
  const buffer = Buffer.alloc(10);
  t.equal(file.read(buffer, 0), -errno.EBUSY);
  t.equal(file.read(buffer, 0), 6);
  t.end();
});
