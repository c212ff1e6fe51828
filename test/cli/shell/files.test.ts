import t from 'tap';
import { openFiles } from '../../../lib/cli/shell/files.js';
import { errno, isErrno } from '../../../lib/errors.js';
import { treeOperations } from './shells.js';

t.test('a path is walked as the kernel does', (t) => {
  const files = openFiles(treeOperations(), false);
  t.equal(files.chdir('0/numtasks'), 0);
  for (const [path, found] of [
    ['.', '/0/numtasks'],
    ['held', '/0/numtasks/held'],
    ['./held', '/0/numtasks/held'],
    ['..//numfiles/', '/0/numfiles'],
    ['../../..', '/'],
    ['/', '/'],
    ['//0/./id', '/0/id'],
    ['', -errno.ENOENT],
    ['x', -errno.ENOENT],
    ['x/..', -errno.ENOENT],
    ['held/', -errno.ENOTDIR],
    ['held/.', -errno.ENOTDIR],
    ['held/..', -errno.ENOTDIR],
    ['held/x', -errno.ENOTDIR],
    ['7'.repeat(256), -errno.ENAMETOOLONG],
  ] as const) {
    const answer = files.find(path);
    t.equal(isErrno(answer) ? answer : answer.path, found, path);
  }
  t.equal(files.chdir('held'), -errno.ENOTDIR);
  t.equal(files.chdir('x'), -errno.ENOENT);
  t.equal(files.cwd, '/0/numtasks');
  t.end();
});

t.test('what is listed has the stats of the names', (t) => {
  const files = openFiles(treeOperations(), false);
  const entries = files.list('0');
  if (isErrno(entries)) throw new Error(String(entries));
  for (const { name, stat } of entries)
    t.strictSame(files.find(`0/${name}`), { path: pathOf(name), stat }, name);
  t.equal(files.list('x'), -errno.ENOENT);
  t.equal(files.list('description'), -errno.ENOTDIR);
  t.end();

  function pathOf(name: string): string {
    return name === '.' ? '/0' : name === '..' ? '/' : `/0/${name}`;
  }
});

t.test('a read or a write that fails says why, and leaves nothing open', (t) => {
  const ops = treeOperations();
  const open = new Set<number>();
  const files = openFiles(
    {
      ...ops,
      open: (path, flags) => {
        const fd = ops.open(path, flags);
        open.add(fd);
        return fd;
      },
      read: () => -errno.EIO,
      release: (fd) => {
        open.delete(fd);
        return ops.release(fd);
      },
    },
    false,
  );
  t.equal(files.read('0/id'), -errno.EIO);
  t.equal(open.size, 0);
  const fd = files.openToWrite('0/numtasks/limit');
  t.equal(files.write(fd, Buffer.from('x')), -errno.EINVAL);
  t.equal(files.release(fd), 0);
  t.equal(open.size, 0);
  t.equal(files.write(fd, Buffer.from('x')), -errno.EBADF);
  t.end();
});

t.test('more than a page is written with as many stores as it takes', (t) => {
  const ops = treeOperations();
  const stores: number[] = [];
  const files = openFiles(
    {
      ...ops,
      write: (_fd, bytes) => {
        stores.push(bytes.length);
        return Math.min(bytes.length, 4095);
      },
    },
    false,
  );
  t.equal(files.write(0, Buffer.alloc(9000)), 0);
  t.strictSame(stores, [9000, 4905, 810]);
  t.end();
});
