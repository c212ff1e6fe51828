import t from 'tap';
import { Item } from '../../lib/configfs/item.js';
import { Tree } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { at, cat, must, Shelf } from '../fixtures/shelf.js';

t.test('uid and gid own every node, made later too', (t) => {
  const tree = new Tree(new Shelf(), { uid: 1000, gid: 2000 });
  must(tree.mkdir(tree.root, 'a'));
  for (const path of ['/', '/description', '/a', '/a/value']) {
    const { uid, gid } = must(tree.getattr(at(tree, path)));
    t.strictSame({ uid, gid }, { uid: 1000, gid: 2000 }, path);
  }
  t.end();
});

t.test('without them root owns every node', (t) => {
  const tree = new Tree(new Shelf());
  const { uid, gid } = must(tree.getattr(tree.root));
  t.strictSame({ uid, gid }, { uid: 0, gid: 0 });
  t.end();
});

t.test('now is the clock of every time', (t) => {
  let now = 1000;
  const tree = new Tree(new Shelf(), { now: () => now });
  now = 2000;
  must(tree.mkdir(tree.root, 'a'));
  const times = (path: string) => {
    const { atime, mtime, ctime } = must(tree.getattr(at(tree, path)));
    return [atime, mtime, ctime];
  };
  t.strictSame(times('/a'), [2000, 2000, 2000], 'a directory: when it was made');
  t.strictSame(times('/a/value'), [2000, 2000, 2000], 'its attributes: the same');
  t.strictSame(times('/'), [1000, 2000, 2000], 'the directory above was changed by it');
  now = 3000;
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  t.strictSame(times('/'), [1000, 3000, 3000], 'and by rmdir');
  now = 4000;
  t.equal(tree.chmod(tree.root, 0o700), 0);
  t.strictSame(times('/'), [1000, 3000, 4000], 'chmod changes the status only');
  tree.registerGroup(tree.root, 'b', new Item());
  t.strictSame(times('/'), [1000, 4000, 4000], 'registerGroup is a change');
  t.end();
});

t.test('the clock is the system one by default', (t) => {
  const before = Date.now();
  const tree = new Tree(new Shelf());
  const { mtime } = must(tree.getattr(tree.root));
  t.ok(mtime >= before && mtime <= Date.now());
  t.end();
});

class Broken extends Shelf {
  override get attributes() {
    return [
      {
        name: 'bad',
        mode: 0o444,
        show: () => {
          throw new Error('a mistake');
        },
      },
    ];
  }
}

t.test('log takes what goes wrong', (t) => {
  const lines: string[] = [];
  const tree = new Tree(new Broken(), { log: (line) => lines.push(line) });
  t.equal(cat(tree, '/bad'), -errno.EIO);
  t.equal(lines.length, 1);
  t.match(lines[0], /^\/bad: Error: a mistake\n {4}at /, 'with the path and the place');
  t.end();
});

t.test('the log is a process warning by default', (t) => {
  const warnings = t.capture(process, 'emitWarning');
  t.equal(cat(new Tree(new Broken()), '/bad'), -errno.EIO);
  const [warning, ...others] = warnings().map(({ args }) => args as unknown[]);
  t.match(warning, [/^\/bad: Error: a mistake/, 'ConfigfsWarning']);
  t.strictSame(others, []);
  t.end();
});

t.test('an item is in one tree at the most', (t) => {
  const shelf = new Shelf();
  const tree = new Tree(shelf);
  t.throws(() => new Tree(shelf), { code: 'EBUSY' });
  t.equal(cat(tree, '/description'), 'a shelf\n');
  t.end();
});
