import { constants } from 'node:fs';
import t from 'tap';
import { Tree } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { at, cat, echo, must, Shelf } from '../fixtures/shelf.js';

const { S_IFDIR, S_IFREG } = constants;

function makeTree() {
  const tree = new Tree(new Shelf(), { now: () => 1000 });
  must(tree.mkdir(tree.root, 'a'));
  const set = (path: string) => {
    const { mode, uid, gid, atime, mtime } = must(tree.getattr(at(tree, path)));
    return { mode, uid, gid, atime, mtime };
  };
  return { tree, set };
}

t.test('what chmod, chown and utimes set stays, each beside the others', (t) => {
  for (const [path, type] of [
    ['/a', S_IFDIR],
    ['/a/value', S_IFREG],
    ['/', S_IFDIR],
  ] as const) {
    const { tree, set } = makeTree();
    const node = at(tree, path);
    t.equal(tree.chmod(node, 0o4711), 0);
    t.equal(tree.chown(node, 5, 6), 0);
    t.equal(tree.utimes(node, 7, 8), 0);
    t.strictSame(set(path), { mode: type | 0o4711, uid: 5, gid: 6, atime: 7, mtime: 8 }, path);
    t.equal(tree.chown(node, -1, 9), 0);
    t.equal(tree.chown(node, 10, -1), 0);
    t.equal(tree.chown(node, -1, -1), 0);
    t.strictSame(set(path), { mode: type | 0o4711, uid: 10, gid: 9, atime: 7, mtime: 8 });
    t.equal(tree.chown(node, 0, 0), 0, 'root is an owner like any other');
    t.strictSame(set(path), { mode: type | 0o4711, uid: 0, gid: 0, atime: 7, mtime: 8 });
  }
  t.end();
});

t.test('the type bits stay, whatever chmod is given', (t) => {
  const { tree, set } = makeTree();
  t.equal(tree.chmod(at(tree, '/a'), S_IFREG | 0o600), 0);
  t.equal(tree.chmod(at(tree, '/a/value'), S_IFDIR | 0o600), 0);
  t.equal(set('/a').mode, S_IFDIR | 0o600);
  t.equal(set('/a/value').mode, S_IFREG | 0o600);
  t.end();
});

t.test('chmod takes the permission bits of any number', (t) => {
  const { tree, set } = makeTree();
  for (const mode of [0xffffffff, -1, 2 ** 31 + 0o4777]) {
    t.equal(tree.chmod(at(tree, '/a/value'), mode), 0);
    t.equal(set('/a/value').mode, S_IFREG | (mode & 0o7777), String(mode));
    t.equal(cat(tree, '/a/value'), 'empty\n');
  }
  t.end();
});

t.test('what is set on one node is set on no other', (t) => {
  const { tree, set } = makeTree();
  must(tree.mkdir(tree.root, 'b'));
  const others = ['/a', '/a/size', '/b', '/b/value'];
  const before = others.map(set);
  t.equal(tree.chmod(at(tree, '/a/value'), 0o600), 0);
  t.equal(tree.utimes(at(tree, '/a/value'), 7, 8), 0);
  t.strictSame(others.map(set), before);
  t.end();
});

t.test('what was set goes with the directory', (t) => {
  const { tree, set } = makeTree();
  const before = [set('/a'), set('/a/value')];
  t.equal(tree.chmod(at(tree, '/a'), 0o700), 0);
  t.equal(tree.chown(at(tree, '/a/value'), 5, 6), 0);
  t.equal(tree.rmdir(tree.root, 'a'), 0);
  must(tree.mkdir(tree.root, 'a'));
  t.strictSame([set('/a'), set('/a/value')], before);
  t.end();
});

t.test('open goes by the mode that was set', (t) => {
  const { tree } = makeTree();
  const value = at(tree, '/a/value');
  t.equal(tree.chmod(value, 0o444), 0);
  t.equal(tree.open(value, constants.O_WRONLY), -errno.EACCES);
  t.equal(tree.open(value, constants.O_RDWR), -errno.EACCES);
  t.equal(cat(tree, '/a/value'), 'empty\n');
  t.equal(tree.chmod(value, 0o222), 0);
  t.equal(tree.open(value, constants.O_RDONLY), -errno.EACCES);
  t.equal(tree.open(value, constants.O_RDWR), -errno.EACCES);
  t.equal(echo(tree, 'full\n', '/a/value'), 5);
  t.equal(tree.chmod(value, 0o600), 0);
  t.equal(cat(tree, '/a/value'), 'full\n');
  t.end();
});

t.test('a descriptor that is open stays as it was opened', (t) => {
  const { tree } = makeTree();
  const value = at(tree, '/a/value');
  const file = must(tree.open(value, constants.O_RDWR));
  t.equal(tree.chmod(value, 0), 0);
  t.equal(file.write(Buffer.from('full\n')), 5);
  t.equal(file.read(Buffer.alloc(10), 0), 5);
  t.end();
});
