import { constants } from 'node:fs';
import t from 'tap';
import { Item } from '../../lib/configfs/item.js';
import { Tree } from '../../lib/configfs/tree.js';
import { errno } from '../../lib/errors.js';
import { operations } from '../../lib/fuse/operations.js';
import { must, Shelf } from '../fixtures/shelf.js';

const { O_RDONLY, O_RDWR, O_WRONLY, S_IFDIR, S_IFIFO, S_IFREG } = constants;

function makeOperations() {
  const tree = new Tree(new Shelf());
  const ops = operations(tree);
  must(ops.mkdir('/a'));
  return { tree, ops };
}

t.test('readdir gives names and stats side by side, with . and ..', (t) => {
  const { ops } = makeOperations();
  for (const [path, above, names] of [
    ['/', '/', ['.', '..', 'a', 'description']],
    ['/a', '/', ['.', '..', 'value', 'size', 'fill']],
  ] as const) {
    const listing = must(ops.readdir(path));
    t.strictSame(listing.names, names);
    const stats = names.map((name) => {
      if (name === '..') return ops.getattr(above);
      return ops.getattr(name === '.' ? path : `${path}/${name}`);
    });
    t.strictSame(listing.stats, stats);
  }
  t.equal(ops.readdir('/description'), -errno.ENOTDIR);
  t.equal(ops.readdir('/b'), -errno.ENOENT);
  t.end();
});

t.test('readdir leaves out what was added to a group behind the back of the tree', (t) => {
  const { tree, ops } = makeOperations();
  tree.root.add('b', new Item());
  t.strictSame(must(ops.readdir('/')).names, ['.', '..', 'a', 'description']);
  t.equal(ops.getattr('/b'), -errno.ENOENT);
  t.end();
});

t.test('descriptors are small numbers, each with its own open file, and are used again', (t) => {
  const { ops } = makeOperations();
  const first = must(ops.open('/a/value', O_RDWR));
  const second = must(ops.open('/a/value', O_RDONLY));
  t.strictSame([first, second], [0, 1]);
  const buffer = Buffer.alloc(100);
  t.equal(ops.read(second, buffer, 0), 6);
  t.equal(ops.write(first, Buffer.from('full\n')), 5);
  t.equal(ops.read(second, buffer, 0), 6, 'the second keeps its value');
  t.equal(ops.read(first, buffer, 0), 5);
  t.equal(buffer.toString('utf8', 0, 5), 'full\n');
  t.equal(ops.release(first), 0);
  t.equal(ops.open('/a/value', O_RDONLY), 0, 'the number is free again');
  t.equal(ops.open('/a/value', O_RDONLY), 2);
  t.equal(ops.read(second, buffer, 0), 6, 'and the others stay');
  t.end();
});

t.test('a descriptor that is not open is EBADF', (t) => {
  const { ops } = makeOperations();
  const closed = must(ops.open('/a/value', O_RDWR));
  t.equal(ops.release(closed), 0);
  for (const fd of [closed, 1, -1, 1000, NaN]) {
    t.equal(ops.read(fd, Buffer.alloc(1), 0), -errno.EBADF, `read ${fd}`);
    t.equal(ops.write(fd, Buffer.from('x')), -errno.EBADF, `write ${fd}`);
    t.equal(ops.release(fd), -errno.EBADF, `release ${fd}`);
  }
  t.end();
});

t.test('open refuses without a descriptor', (t) => {
  const { ops } = makeOperations();
  t.equal(ops.open('/a/size', O_WRONLY), -errno.EACCES);
  t.equal(ops.open('/a', O_RDONLY), -errno.EISDIR);
  t.equal(ops.open('/a/b', O_RDONLY), -errno.ENOENT);
  t.equal(ops.open('/a/value', O_RDONLY), 0, 'the first is still to be had');
  t.end();
});

t.test('an owner of 2^32 - 1 stays who it is', (t) => {
  const { ops } = makeOperations();
  const owner = () => {
    const { uid, gid } = must(ops.getattr('/a'));
    return [uid, gid];
  };
  const unchanged = 2 ** 32 - 1;
  t.equal(ops.chown('/a', 5, unchanged), 0);
  t.strictSame(owner(), [5, 0]);
  t.equal(ops.chown('/a', unchanged, 6), 0);
  t.strictSame(owner(), [5, 6]);
  t.equal(ops.chown('/a', unchanged - 1, 0), 0);
  t.strictSame(owner(), [unchanged - 1, 0]);
  t.end();
});

t.test('chmod, utimens and truncate answer for the node of their path', (t) => {
  const { ops } = makeOperations();
  t.equal(ops.chmod('/a/value', 0o600), 0);
  t.equal(ops.utimens('/a/value', 5, 6), 0);
  t.equal(ops.truncate('/a/value'), 0);
  const { mode, atime, mtime, size } = must(ops.getattr('/a/value'));
  t.strictSame({ mode, atime, mtime, size }, { mode: S_IFREG | 0o600, atime: 5, mtime: 6, size: 4096 });
  t.equal(must(ops.getattr('/a')).mode, S_IFDIR | 0o755);
  t.equal(ops.truncate('/a'), -errno.EISDIR);
  t.end();
});

t.test('every operation on a path that leads nowhere has its errno', (t) => {
  const { ops } = makeOperations();
  const calls: [name: string, call: (path: string) => unknown][] = [
    ['getattr', ops.getattr],
    ['readdir', ops.readdir],
    ['open', (path) => ops.open(path, O_RDONLY)],
    ['truncate', ops.truncate],
    ['chmod', (path) => ops.chmod(path, 0o600)],
    ['chown', (path) => ops.chown(path, 1, 1)],
    ['utimens', (path) => ops.utimens(path, 1, 1)],
    ['mkdir', ops.mkdir],
    ['rmdir', ops.rmdir],
    ['create', ops.create],
    ['mknod', (path) => ops.mknod(path, S_IFIFO)],
    ['unlink', ops.unlink],
    ['rename', ops.rename],
    ['symlink', (path) => ops.symlink('target', path)],
    ['link', (path) => ops.link('/a/value', path)],
    ['link of it', (path) => ops.link(path, '/b')],
  ];
  for (const [name, call] of calls) {
    t.equal(call('/b/c'), -errno.ENOENT, `${name} in nothing`);
    t.equal(call('/a/value/c'), -errno.ENOTDIR, `${name} in a file`);
    t.equal(call(`/${'x'.repeat(256)}`), -errno.ENAMETOOLONG, `${name} of a name too long`);
  }
  t.end();
});

t.test('the subsystem itself is a name that is there', (t) => {
  const { ops } = makeOperations();
  t.equal(ops.mkdir('/'), -errno.EEXIST);
  t.equal(ops.create('/'), -errno.EEXIST);
  t.equal(ops.rmdir('/'), -errno.EPERM);
  t.equal(ops.unlink('/'), -errno.EISDIR);
  t.equal(ops.rename('/'), -errno.EPERM);
  t.end();
});

t.test('mknod without a type asks for a regular file', (t) => {
  const { ops } = makeOperations();
  t.equal(ops.mknod('/b', 0o600), -errno.EACCES);
  t.equal(ops.mknod('/b', S_IFREG | 0o600), -errno.EACCES);
  t.equal(ops.mknod('/b', S_IFIFO | 0o600), -errno.EPERM);
  t.end();
});

t.test('fsync is EINVAL, and there are no extended attributes', (t) => {
  const { ops } = makeOperations();
  t.equal(ops.fsync(), -errno.EINVAL);
  t.equal(ops.listxattr(), 0);
  t.end();
});
