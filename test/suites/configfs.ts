/**
 * How configfs behaves, as far as a program can tell: each row of the table that was recorded from the kernel's
 * own configfs (configfs.md), on the beancounters' tree. Every file system that shows the tree runs it.
 */
import { constants } from 'node:fs';
import type { Test } from 'tap';
import { codeOf, makeDirectory, opened, type Backend, type Suite } from './backend.js';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFDIR, S_IFREG } = constants;

/** The largest write that a store sees whole, in bytes. */
const STORED = 4095;

/** A directory that has no directories in it and makes none. */
const plain = (item: string) => `${item}/numtasks`;
const limit = (item: string) => `${item}/numtasks/limit`;

async function refused(t: Test, operation: Promise<unknown>, code: string, what: string): Promise<void> {
  t.equal(await codeOf(operation), code, `${what}: ${code}`);
}

async function shows(t: Test, fs: Backend, path: string, text: string): Promise<void> {
  t.equal(await fs.readFile(path), text, `${path} shows ${JSON.stringify(text)}`);
}

export const configfsSuite: Suite = {
  // stat

  'a directory has mode 755, two links and one per subdirectory, and belongs to root': async (
    t,
    fs,
    item,
  ) => {
    const { mode, nlink, uid, gid } = await fs.stat(item);
    t.strictSame({ mode, nlink, uid, gid }, { mode: S_IFDIR | 0o755, nlink: 2 + 5, uid: 0, gid: 0 });
    t.equal((await fs.stat(plain(item))).nlink, 2, 'without subdirectories');
    const before = (await fs.stat('/')).nlink;
    await makeDirectory(t, fs, '/1');
    t.equal((await fs.stat('/')).nlink, before + 1, 'after mkdir');
    await fs.rmdir('/1');
    t.equal((await fs.stat('/')).nlink, before, 'after rmdir');
  },

  'an attribute has its own mode, 4096 bytes and one link, whatever was written': async (t, fs, item) => {
    const modes = { '/id': 0o444, '/tasks': 0o200, '/numtasks/limit': 0o644, '/numtasks/held': 0o444 };
    await fs.writeFile(limit(item), '1234567');
    for (const [name, permissions] of Object.entries(modes)) {
      const { mode, size, nlink, uid, gid } = await fs.stat(`${item}${name}`);
      t.strictSame(
        { mode, size, nlink, uid, gid },
        { mode: S_IFREG | permissions, size: 4096, nlink: 1, uid: 0, gid: 0 },
        name,
      );
    }
  },

  'every node has an inode number of its own, and keeps it': async (t, fs, item) => {
    const paths = ['/', '/0', item, plain(item), limit(item), `${item}/id`, '/description'];
    const inodes = async () => Promise.all(paths.map(async (path) => (await fs.stat(path)).ino));
    const first = await inodes();
    t.equal(new Set(first).size, paths.length);
    t.strictSame(await inodes(), first);
    await makeDirectory(t, fs, '/1');
    const { ino } = await fs.stat('/1');
    await fs.rmdir('/1');
    await fs.mkdir('/1');
    t.not((await fs.stat('/1')).ino, ino, 'a directory that is made again is another one');
  },

  // mkdir

  'mkdir makes a directory with its attributes and groups': async (t, fs) => {
    await makeDirectory(t, fs, '/1');
    t.strictSame(await fs.readdir('/1'), [
      'id',
      'kmemsize',
      'numfiles',
      'numtasks',
      'physpages',
      'privvmpages',
      'tasks',
      'threads',
    ]);
    t.ok((await fs.readdir('/')).includes('1'));
  },

  'mkdir of a name that is there is EEXIST': async (t, fs, item) => {
    await refused(t, fs.mkdir(item), 'EEXIST', 'an item');
    await refused(t, fs.mkdir('/0'), 'EEXIST', 'a default group');
    await refused(t, fs.mkdir('/description'), 'EEXIST', 'an attribute');
    await refused(t, fs.mkdir(plain(item)), 'EEXIST', 'a default group of an item');
    await refused(t, fs.mkdir('/'), 'EEXIST', 'the subsystem');
  },

  'mkdir in an item that has no children of its own is EPERM': async (t, fs, item) => {
    await refused(t, fs.mkdir(`${item}/1`), 'EPERM', 'an item');
    await refused(t, fs.mkdir(`${plain(item)}/1`), 'EPERM', 'a default group of it');
    await refused(t, fs.mkdir('/0/1'), 'EPERM', 'a default group');
    t.notOk((await fs.readdir(item)).includes('1'));
  },

  'mkdir in a file is ENOTDIR, in what is not there ENOENT': async (t, fs) => {
    await refused(t, fs.mkdir('/description/1'), 'ENOTDIR', 'a file');
    await refused(t, fs.mkdir('/1/1'), 'ENOENT', 'nothing');
  },

  // creat, mknod

  'creat in the subsystem, an item or a group is EACCES': async (t, fs, item) => {
    for (const path of ['/new', `${item}/new`, `${plain(item)}/new`]) {
      await refused(t, fs.open(path, O_CREAT | O_WRONLY | O_TRUNC), 'EACCES', path);
      await refused(t, fs.open(path, O_CREAT | O_EXCL | O_RDWR), 'EACCES', `${path}, O_EXCL`);
      await refused(t, fs.writeFile(path, '1'), 'EACCES', `a shell's > ${path}`);
      await refused(t, fs.readFile(path), 'ENOENT', 'it is not there afterwards');
    }
  },

  'mknod of a fifo and of a device is EPERM': async (t, fs, item) => {
    for (const path of ['/new', `${item}/new`]) {
      await refused(t, fs.mknod(path, 'fifo'), 'EPERM', `fifo ${path}`);
      await refused(t, fs.mknod(path, 'device'), 'EPERM', `device ${path}`);
    }
  },

  'mknod of a regular file is EACCES': async (t, fs, item) => {
    await refused(t, fs.mknod('/new', 'regular'), 'EACCES', 'in the subsystem');
    await refused(t, fs.mknod(`${item}/new`, 'regular'), 'EACCES', 'in an item');
  },

  'mknod of a name that is there is EEXIST': async (t, fs, item) => {
    await refused(t, fs.mknod(item, 'fifo'), 'EEXIST', 'an item');
    await refused(t, fs.mknod(limit(item), 'regular'), 'EEXIST', 'an attribute');
  },

  // unlink, rmdir, rename, links

  'unlink of an attribute is EPERM': async (t, fs, item) => {
    await refused(t, fs.unlink(limit(item)), 'EPERM', 'in a group');
    await refused(t, fs.unlink(`${item}/id`), 'EPERM', 'in an item');
    await refused(t, fs.unlink('/description'), 'EPERM', 'in the subsystem');
    await opened(t, fs, limit(item), O_RDONLY);
    await refused(t, fs.unlink(limit(item)), 'EPERM', 'one that is open');
    await shows(t, fs, limit(item), '128\n');
  },

  'rmdir of an attribute is ENOTDIR': async (t, fs, item) => {
    await refused(t, fs.rmdir(limit(item)), 'ENOTDIR', 'in a group');
    await refused(t, fs.rmdir('/description'), 'ENOTDIR', 'in the subsystem');
  },

  'unlink of a directory is EISDIR': async (t, fs, item) => {
    await refused(t, fs.unlink(item), 'EISDIR', 'an item');
    await refused(t, fs.unlink('/0'), 'EISDIR', 'a default group');
  },

  'unlink, rmdir and open of a name that is not there are ENOENT': async (t, fs, item) => {
    for (const path of ['/new', `${item}/new`, '/new/new']) {
      await refused(t, fs.unlink(path), 'ENOENT', `unlink ${path}`);
      await refused(t, fs.rmdir(path), 'ENOENT', `rmdir ${path}`);
      await refused(t, fs.open(path, O_RDONLY), 'ENOENT', `open ${path}`);
      await refused(t, fs.open(path, O_WRONLY), 'ENOENT', `open for writing ${path}`);
      await refused(t, fs.stat(path), 'ENOENT', `stat ${path}`);
    }
    await refused(t, fs.open('/description/new', O_RDONLY), 'ENOTDIR', 'open in a file');
  },

  'a directory does not open for writing': async (t, fs, item) => {
    await refused(t, fs.open(item, O_WRONLY), 'EISDIR', 'an item');
    await refused(t, fs.writeFile('/0', '1'), 'EISDIR', "a shell's > of a group");
  },

  'rename of an item is EPERM': async (t, fs, item) => {
    await refused(t, fs.rename(item, '/1'), 'EPERM', 'an item');
    await refused(t, fs.rename(plain(item), `${item}/other`), 'EPERM', 'a default group');
    await shows(t, fs, `${item}/id`, `${item.slice(1)}\n`);
    await refused(t, fs.stat('/1'), 'ENOENT', 'the new name');
  },

  'rename of an attribute is EPERM': async (t, fs, item) => {
    await refused(t, fs.rename(limit(item), `${limit(item)}2`), 'EPERM', 'to a new name');
    await refused(t, fs.rename(limit(item), `${plain(item)}/barrier`), 'EPERM', 'over another attribute');
    await refused(t, fs.rename(`${item}/new`, `${item}/other`), 'ENOENT', 'of a name that is not there');
  },

  'symlink is EPERM': async (t, fs, item) => {
    await refused(t, fs.symlink('0', '/1'), 'EPERM', 'in the subsystem');
    await refused(t, fs.symlink('id', `${item}/new`), 'EPERM', 'in an item');
    await refused(t, fs.symlink('0', item), 'EEXIST', 'with a name that is there');
  },

  'a hard link is EPERM': async (t, fs, item) => {
    await refused(t, fs.link(limit(item), `${plain(item)}/new`), 'EPERM', 'to an attribute');
    await refused(t, fs.link(item, '/1'), 'EPERM', 'to a directory');
    await refused(t, fs.link(`${item}/new`, '/1'), 'ENOENT', 'to what is not there');
    await refused(t, fs.link(limit(item), `${plain(item)}/held`), 'EEXIST', 'with a name that is there');
  },

  // open

  'an attribute with no w in its mode does not open for writing, for root either': async (t, fs, item) => {
    for (const path of [`${item}/id`, `${plain(item)}/held`, '/description']) {
      await refused(t, fs.open(path, O_WRONLY), 'EACCES', `O_WRONLY ${path}`);
      await refused(t, fs.open(path, O_RDWR), 'EACCES', `O_RDWR ${path}`);
      await refused(t, fs.open(path, O_WRONLY | O_APPEND), 'EACCES', `O_APPEND ${path}`);
      await refused(t, fs.writeFile(path, '1'), 'EACCES', `a shell's > ${path}`);
    }
  },

  'an attribute with no r in its mode does not open for reading, for root either': async (t, fs, item) => {
    for (const path of [`${item}/tasks`, `${item}/threads`]) {
      await refused(t, fs.open(path, O_RDONLY), 'EACCES', `O_RDONLY ${path}`);
      await refused(t, fs.open(path, O_RDWR), 'EACCES', `O_RDWR ${path}`);
      await refused(t, fs.readFile(path), 'EACCES', `cat ${path}`);
    }
  },

  'O_CREAT on an existing attribute opens it': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_CREAT | O_RDWR);
    t.equal(await file.read(100), '128\n');
    t.equal(await file.write('130'), 3);
    await shows(t, fs, limit(item), '130\n');
  },

  'O_CREAT with O_EXCL on an existing attribute is EEXIST': async (t, fs, item) => {
    await refused(t, fs.open(limit(item), O_CREAT | O_EXCL | O_WRONLY), 'EEXIST', 'an attribute');
    await refused(t, fs.open(`${item}/id`, O_CREAT | O_EXCL | O_RDONLY), 'EEXIST', 'one without w');
  },

  // truncate

  'truncate changes nothing': async (t, fs, item) => {
    for (const length of [0, 1, 100_000]) {
      await fs.truncate(limit(item), length);
      await shows(t, fs, limit(item), '128\n');
      t.equal((await fs.stat(limit(item))).size, 4096, `the size, after truncate to ${length}`);
    }
    await fs.truncate(`${item}/id`, 0);
    await refused(t, fs.truncate(item, 0), 'EISDIR', 'a directory');
  },

  'ftruncate changes nothing': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR);
    await file.truncate(0);
    await file.truncate(100_000);
    t.equal(await file.read(100), '128\n');
    t.equal((await fs.stat(limit(item))).size, 4096);
  },

  'O_TRUNC changes nothing': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR | O_TRUNC);
    t.equal(await file.read(100), '128\n');
    const closed = await fs.open(`${item}/tasks`, O_WRONLY | O_TRUNC);
    t.equal(await codeOf(closed.close()), '', 'tasks stores nothing, which would be EINVAL');
    t.equal((await fs.stat(limit(item))).size, 4096);
  },

  // read

  'a descriptor keeps the value of its first read; another one has its own': async (t, fs, item) => {
    const old = await opened(t, fs, limit(item), O_RDONLY);
    t.equal(await old.read(100), '128\n');
    await fs.writeFile(limit(item), '200');
    const fresh = await opened(t, fs, limit(item), O_RDONLY);
    t.equal(await fresh.read(100), '200\n');
    t.equal(await old.read(100, 0), '128\n', 'the old one from the start again, by pread');
    await old.seek(0);
    t.equal(await old.read(100), '128\n', 'and by lseek');
    await old.seek(1);
    t.equal(await old.read(100), '28\n');
  },

  'the value is taken at the first read, not at the open': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDONLY);
    await fs.writeFile(limit(item), '200');
    t.equal(await file.read(100), '200\n');
  },

  'a read in pieces continues, and is 0 at the end': async (t, fs, item) => {
    await fs.writeFile(limit(item), '1234567');
    const file = await opened(t, fs, limit(item), O_RDONLY);
    t.equal(await file.read(3), '123');
    await fs.writeFile(limit(item), '7654321');
    t.equal(await file.read(3), '456', 'of the same value');
    t.equal(await file.read(3), '7\n');
    t.equal(await file.read(3), '');
    t.equal(await file.read(3), '');
    t.equal(await file.read(3, 8), '', 'by pread, at the end');
    t.equal(await file.read(3, 100_000), '', 'by pread, far beyond');
    t.equal(await file.read(3, 5), '67\n', 'by pread, in the middle');
  },

  // write

  'a write is one store of the whole buffer, and returns its length': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_WRONLY);
    t.equal(await file.write('200'), 3);
    await shows(t, fs, limit(item), '200\n');
    const zeros = '0'.repeat(STORED - 3);
    t.equal(await file.write(`${zeros}300`), STORED);
    await shows(t, fs, limit(item), '300\n');
  },

  'a write is a store at any offset': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_WRONLY);
    for (const [position, value] of [
      [0, '201'],
      [1, '202'],
      [4096, '203'],
      [1_000_000, '204'],
    ] as const) {
      t.equal(await file.write(value, position), 3);
      await shows(t, fs, limit(item), `${value}\n`);
    }
    await file.seek(2);
    t.equal(await file.write('205'), 3);
    await shows(t, fs, limit(item), '205\n');
  },

  'a write is a store with O_APPEND too': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_WRONLY | O_APPEND);
    t.equal(await file.write('200'), 3);
    await shows(t, fs, limit(item), '200\n');
    t.equal(await file.write('201'), 3);
    await shows(t, fs, limit(item), '201\n');
  },

  'a second write on the same descriptor is another store': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_WRONLY);
    t.equal(await file.write('200\n'), 4);
    t.equal(await file.write('300\n'), 4);
    await shows(t, fs, limit(item), '300\n');
  },

  'a read after a write on the same descriptor takes the value anew': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR);
    t.equal(await file.read(100, 0), '128\n');
    t.equal(await file.write('200', 0), 3);
    t.equal(await file.read(100, 0), '200\n');
  },

  'of a write of more than 4095 bytes the store sees 4095, and that is what write returns': async (
    t,
    fs,
    item,
  ) => {
    const seen = `${'0'.repeat(STORED - 3)}200`;
    const file = await opened(t, fs, limit(item), O_WRONLY);
    for (const more of ['9', 'x', '9'.repeat(1000), '9'.repeat(200_000)]) {
      await file.write('128');
      t.equal(await file.write(seen + more, 0), STORED, `${STORED} and ${more.length} bytes`);
      await shows(t, fs, limit(item), '200\n');
    }
  },

  'a write that the store refuses has its errno, and the old value stays': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_WRONLY);
    await refused(t, file.write('nonsense'), 'EINVAL', 'a store that refuses');
    await shows(t, fs, limit(item), '128\n');
    await refused(t, file.write(`x${'0'.repeat(100_000)}`), 'EINVAL', 'one of many bytes');
    await shows(t, fs, limit(item), '128\n');
    t.equal(await file.write('200'), 3, 'and the descriptor serves on');
    const tasks = await opened(t, fs, `${item}/tasks`, O_WRONLY);
    await refused(t, tasks.write('4194305'), 'ESRCH', 'another errno');
  },

  // mmap, fsync, flock

  'mmap is ENODEV': async (t, fs, item) => {
    for (const flags of [O_RDONLY, O_RDWR]) {
      const file = await opened(t, fs, limit(item), flags);
      await refused(t, file.mmap('shared'), 'ENODEV', 'shared');
    }
  },

  'a private mmap is ENODEV': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDONLY);
    const mapped = file.mmap('private');
    t.equal(await codeOf(mapped), fs.answers.privateMmap);
    if (fs.answers.privateMmap === '') t.equal(await mapped, '128\n', 'the value, where it is none');
  },

  'fsync and fdatasync are EINVAL': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR);
    await refused(t, file.sync(), 'EINVAL', 'fsync');
    await refused(t, file.datasync(), 'EINVAL', 'fdatasync');
  },

  'fsync of a directory is EINVAL': async (t, fs, item) => {
    const directory = await fs.openDirectory(item);
    t.teardown(() => directory.close());
    await refused(t, directory.sync(), 'EINVAL', 'fsync');
  },

  'flock works': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR);
    t.equal(await codeOf(file.flock()), '');
  },

  // chmod, chown, utimes

  'chmod of an attribute stays, and is obeyed by root too': async (t, fs, item) => {
    await fs.chmod(limit(item), 0o400);
    t.equal((await fs.stat(limit(item))).mode, S_IFREG | 0o400);
    await refused(t, fs.open(limit(item), O_WRONLY), 'EACCES', 'without w');
    await shows(t, fs, limit(item), '128\n');
    await fs.chmod(limit(item), 0o200);
    await refused(t, fs.open(limit(item), O_RDONLY), 'EACCES', 'without r');
    await fs.writeFile(limit(item), '200');
    await fs.chmod(limit(item), 0o640);
    await shows(t, fs, limit(item), '200\n');
    t.equal((await fs.stat(limit(item))).mode, S_IFREG | 0o640);
    t.equal((await fs.stat(`${plain(item)}/barrier`)).mode, S_IFREG | 0o644, "another file's stays");
  },

  'an r or w that the attribute has not from the start opens nothing': async (t, fs, item) => {
    await fs.chmod(`${item}/id`, 0o666);
    await refused(t, fs.open(`${item}/id`, O_WRONLY), 'EACCES', 'nothing to store');
    await fs.chmod(`${item}/tasks`, 0o666);
    await refused(t, fs.open(`${item}/tasks`, O_RDONLY), 'EACCES', 'nothing to show');
  },

  'chmod of a directory stays': async (t, fs, item) => {
    for (const path of [item, plain(item)]) {
      await fs.chmod(path, 0o700);
      t.equal((await fs.stat(path)).mode, S_IFDIR | 0o700, path);
    }
    await shows(t, fs, limit(item), '128\n');
  },

  'chown of an attribute and of a directory stays': async (t, fs, item) => {
    for (const path of [item, plain(item), limit(item)]) {
      await fs.chown(path, 1234, 5678);
      const { uid, gid, mode } = await fs.stat(path);
      t.strictSame({ uid, gid }, { uid: 1234, gid: 5678 }, path);
      await fs.chown(path, -1, 9);
      t.equal((await fs.stat(path)).uid, 1234, 'an owner of -1 leaves it');
      await fs.chown(path, 8, -1);
      t.strictSame((await fs.stat(path)).gid, 9, 'a group of -1 too');
      t.equal((await fs.stat(path)).mode, mode, 'and so stays the mode');
    }
  },

  'utimes of an attribute and of a directory stays': async (t, fs, item) => {
    for (const path of [item, plain(item), limit(item)]) {
      await fs.utimes(path, 1_000_000_500, 2_000_000_250);
      const { atime, mtime } = await fs.stat(path);
      t.equal(atime, 1_000_000_500, `${path}, the access time`);
      const expected = fs.answers.hasOwnMtime ? 2_000_000_250 : 1_000_000_500;
      t.equal(mtime, expected, `${path}, the modification time`);
      await fs.utimes(path, 3_000_000_000, 3_000_000_000);
      t.equal((await fs.stat(path)).mtime, 3_000_000_000, 'as touch sets it');
    }
  },

  // xattr

  'setxattr and getxattr are EOPNOTSUPP': async (t, fs, item) => {
    for (const path of [item, limit(item)]) {
      await refused(t, fs.setxattr(path, 'user.name'), 'EOPNOTSUPP', `setxattr ${path}`);
      await refused(t, fs.getxattr(path, 'user.name'), 'EOPNOTSUPP', `getxattr ${path}`);
    }
  },

  'listxattr is empty': async (t, fs, item) => {
    t.strictSame(await fs.listxattr(limit(item)), [], 'an attribute');
    t.strictSame(await fs.listxattr(item), [], 'a directory');
  },

  // names

  'a name of 255 bytes is for the subsystem to decide': async (t, fs, item) => {
    const name = '7'.repeat(255);
    await refused(t, fs.mkdir(`/${name}`), 'EINVAL', 'mkdir, which this one refuses');
    await refused(t, fs.stat(`${item}/${name}`), 'ENOENT', 'stat');
    await refused(t, fs.open(`${item}/${name}`, O_CREAT | O_WRONLY), 'EACCES', 'creat');
    await refused(t, fs.stat(`/${'é'.repeat(127)}e`), 'ENOENT', '255 bytes of 128 characters');
  },

  'a name of 256 bytes is ENAMETOOLONG': async (t, fs, item) => {
    const name = '7'.repeat(256);
    for (const directory of ['', item]) {
      const path = `${directory}/${name}`;
      await refused(t, fs.mkdir(path), 'ENAMETOOLONG', 'mkdir');
      await refused(t, fs.rmdir(path), 'ENAMETOOLONG', 'rmdir');
      await refused(t, fs.unlink(path), 'ENAMETOOLONG', 'unlink');
      await refused(t, fs.stat(path), 'ENAMETOOLONG', 'stat');
      await refused(t, fs.open(path, O_RDONLY), 'ENAMETOOLONG', 'open');
      await refused(t, fs.open(path, O_CREAT | O_WRONLY), 'ENAMETOOLONG', 'creat');
      await refused(t, fs.mknod(path, 'fifo'), 'ENAMETOOLONG', 'mknod');
      await refused(t, fs.symlink('0', path), 'ENAMETOOLONG', 'symlink');
      await refused(t, fs.rename(path, '/1'), 'ENAMETOOLONG', 'rename');
    }
    await refused(t, fs.stat(`/${'é'.repeat(128)}`), 'ENAMETOOLONG', '256 bytes of 128 characters');
  },

  // rmdir

  'rmdir of the subsystem is EPERM': async (t, fs) => {
    await refused(t, fs.rmdir('/'), fs.answers.rmdirOfSubsystem, 'rmdir');
    t.ok((await fs.readdir('/')).includes('0'), 'and it is there');
  },

  'rmdir of a default group is EPERM': async (t, fs, item) => {
    await refused(t, fs.rmdir('/0'), 'EPERM', 'of the subsystem');
    await refused(t, fs.rmdir(plain(item)), 'EPERM', 'of an item');
    await refused(t, fs.rmdir('/0/numtasks'), 'EPERM', 'of a default group');
    t.equal((await fs.readdir(item)).length, 8, 'all are there');
  },

  'rmdir of an item takes its attributes and groups with it': async (t, fs, item) => {
    await fs.rmdir(item);
    for (const path of [item, plain(item), limit(item)]) {
      await refused(t, fs.stat(path), 'ENOENT', path);
    }
    t.notOk((await fs.readdir('/')).includes(item.slice(1)));
    await refused(t, fs.rmdir(item), 'ENOENT', 'rmdir again');
  },

  'rmdir of an item with an attribute open: the descriptor still reads what it read': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR);
    t.equal(await file.read(2, 0), '12');
    t.equal(await codeOf(fs.rmdir(item)), '');
    const rest = file.read(100, 2);
    t.equal(await codeOf(rest), fs.answers.readOfRemoved);
    if (fs.answers.readOfRemoved === '') t.equal(await rest, '8\n');
  },

  'rmdir of an item with an attribute open: a write is ENOENT': async (t, fs, item) => {
    const file = await opened(t, fs, limit(item), O_RDWR);
    await fs.rmdir(item);
    await refused(t, file.write('200'), 'ENOENT', 'write');
    await refused(t, file.read(100, 0), 'ENOENT', 'a first read');
    await fs.mkdir(item);
    await refused(t, file.write('200'), 'ENOENT', 'write, when another item has its name');
    await shows(t, fs, limit(item), '128\n');
  },

  'open and mkdir inside a removed item are ENOENT': async (t, fs, item) => {
    const directory = await fs.openDirectory(item);
    t.teardown(() => directory.close());
    t.equal(await codeOf(directory.open('id', O_RDONLY)), '', 'before');
    await refused(t, directory.mkdir('1'), 'EPERM', 'before, mkdir');
    await fs.rmdir(item);
    await refused(t, directory.open('id', O_RDONLY), 'ENOENT', 'open');
    await refused(t, directory.mkdir('1'), 'ENOENT', 'mkdir');
    await fs.mkdir(item);
    await refused(t, directory.open('id', O_RDONLY), 'ENOENT', 'open, when another item has its name');
    await refused(t, directory.mkdir('1'), 'ENOENT', 'mkdir then');
  },

  // statfs

  'statfs: blocks of 4096, names of 255, nothing free, nothing used': async (t, fs) => {
    t.strictSame(await fs.statfs(), {
      bsize: 4096,
      namelen: 255,
      blocks: 0,
      bfree: 0,
      bavail: 0,
      files: 0,
      ffree: 0,
    });
  },
};
