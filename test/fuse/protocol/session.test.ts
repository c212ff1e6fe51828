import t from 'tap';
import { Registry } from '../../../lib/bc/registry.js';
import { taskSource } from '../../../lib/bc/task-source.js';
import { Tasks } from '../../../lib/bc/tasks.js';
import type { Attribute } from '../../../lib/configfs/attribute.js';
import { Item } from '../../../lib/configfs/item.js';
import { Tree } from '../../../lib/configfs/tree.js';
import type { Caller } from '../../../lib/errors.js';
import { beancounterTree } from '../../../lib/nodes/subsystem.js';
import { Session } from '../../../lib/fuse/protocol/session.js';
import { Kernel, named, readAttr, readDirents, readEntry, request, u32, u64 } from '../../fixtures/kernel.js';
import { cat, Shelf } from '../../fixtures/shelf.js';

const EPERM = -1;
const ENOENT = -2;
const ESRCH = -3;
const EIO = -5;
const EBADF = -9;
const EACCES = -13;
const EEXIST = -17;
const ENOTDIR = -20;
const EISDIR = -21;
const EINVAL = -22;
const ENAMETOOLONG = -36;
const ENOSYS = -38;
const ENOTEMPTY = -39;
const ESTALE = -116;

/** The tree's clock, in milliseconds; the session's is seven seconds ahead. */
const NOW = 1_001_500;

/** A shelf with the box `a`: nodes 1 (root), 2 (description), 3 (a), 4 (value), 5 (size), 6 (fill). */
function makeKernel(validity = 0) {
  const tree = new Tree(new Shelf(), { now: () => NOW, uid: 10, gid: 20 });
  tree.mkdir(tree.root, 'a');
  const kernel = new Kernel(tree, { now: () => NOW + 7000, validity });
  return { tree, kernel };
}

const times = { atime: 1001, mtime: 1001, ctime: 1001, atimensec: 5e8, mtimensec: 5e8, ctimensec: 5e8 };
const common = { blocks: 0, ...times, uid: 10, gid: 20, rdev: 0, blksize: 4096, flags: 0 };
const directoryAttr = { ...common, ino: 3, size: 0, mode: 0o040755, nlink: 2 };
const valueAttr = { ...common, ino: 4, size: 4096, mode: 0o100644, nlink: 1 };

t.test('the header of a reply: length, error, unique', (t) => {
  const { kernel } = makeKernel();
  t.equal(
    kernel.give(request(1, 1, [named('b')], 0xfedc_ba98_7654_3210n))!.toString('hex'),
    '10000000' + 'feffffff' + '1032547698badcfe',
  );
  t.end();
});

/** INIT of a kernel that has every flag. */
function init(major: number, minor: number) {
  return makeKernel().kernel.ask(26, 0, u32(major, minor, 0x20000, 0xffffffff));
}

/** ATOMIC_O_TRUNC, BIG_WRITES, AUTO_INVAL_DATA, DO_READDIRPLUS, PARALLEL_DIROPS, NO_OPENDIR_SUPPORT. */
const wanted = (1 << 3) | (1 << 5) | (1 << 12) | (1 << 13) | (1 << 18) | (1 << 24);
const initBody = (minor: number) =>
  Buffer.concat([
    u32(7, minor, 0x20000, wanted),
    u32(64 | (48 << 16), 131072, 1_000_000), // max_background, congestion_threshold; max_write; time_gran
    u32(0, 0, 0, 0, 0, 0, 0, 0, 0),
  ]);

for (const [asked, answered, length] of [
  [45, 31, 64],
  [31, 31, 64],
  [30, 30, 64],
  [23, 23, 64],
  [22, 22, 24],
  [12, 12, 24],
] as const) {
  t.test(`INIT 7.${asked} is answered as 7.${answered} in ${length} bytes`, (t) => {
    const { error, body } = init(7, asked);
    t.equal(error, 0);
    t.equal(body.toString('hex'), initBody(answered).toString('hex', 0, length));
    t.end();
  });
}

t.test('INIT answers only flags that the kernel has', (t) => {
  const { body } = makeKernel().kernel.ask(26, 0, u32(7, 31, 0, (1 << 5) | (1 << 30)));
  t.equal(body.readUInt32LE(12), 1 << 5);
  t.end();
});

t.test('INIT of today is longer, and answered alike', (t) => {
  const { body } = makeKernel().kernel.ask(
    26,
    0,
    u32(7, 45, 0x20000, 0xffffffff, 0xffffffff),
    Buffer.alloc(44),
  );
  t.strictSame(body, initBody(31));
  t.end();
});

t.test('INIT of a protocol that is too old is refused', (t) => {
  for (const [major, minor] of [
    [7, 11],
    [7, 8],
    [6, 99],
    [0, 0],
  ] as const) {
    t.equal(init(major, minor).error, EIO, `${major}.${minor}`);
  }
  t.end();
});

t.test('INIT of a later major version is answered with ours, for the kernel to ask again', (t) => {
  const { error, body } = init(8, 0);
  t.equal(error, 0);
  t.equal(body.readUInt32LE(0), 7);
  t.end();
});

t.test('LOOKUP of a directory', (t) => {
  const { kernel } = makeKernel();
  const { error, body } = kernel.ask(1, 1, named('a'));
  t.equal(error, 0);
  t.equal(body.length, 128);
  t.strictSame(readEntry(body), {
    nodeid: 3,
    generation: 0,
    entryValid: 0,
    attrValid: 0,
    entryValidNsec: 0,
    attrValidNsec: 0,
    attr: directoryAttr,
  });
  t.end();
});

t.test('LOOKUP of a file, which the kernel may rely on for as long as the session says', (t) => {
  const { kernel } = makeKernel(1.25);
  const { body } = kernel.ask(1, kernel.lookup('/a'), named('value'));
  t.strictSame(readEntry(body), {
    nodeid: 4,
    generation: 0,
    entryValid: 1,
    attrValid: 1,
    entryValidNsec: 250_000_000,
    attrValidNsec: 250_000_000,
    attr: valueAttr,
  });
  t.end();
});

t.test('LOOKUP of what is not there', (t) => {
  const { kernel, tree } = makeKernel();
  t.equal(kernel.ask(1, 1, named('b')).error, ENOENT);
  t.equal(kernel.ask(1, 1, named('x'.repeat(255))).error, ENOENT);
  t.equal(kernel.ask(1, 1, named('x'.repeat(256))).error, ENAMETOOLONG);
  t.equal(kernel.ask(1, kernel.lookup('/description'), named('b')).error, ENOTDIR);
  tree.root.add('b', new Item());
  t.equal(kernel.ask(1, 1, named('b')).error, ENOENT, 'behind the back of the tree');
  t.equal(kernel.session.nodes, 2, 'the root and the description');
  t.end();
});

t.test('a name ends at its NUL, may have any bytes, and is never empty', (t) => {
  const { kernel } = makeKernel();
  for (const name of ['ü', '€', '😀', ' ', '\n', '-', 'a b', 'x'.repeat(255)]) {
    t.equal(kernel.ask(9, 1, u32(0o755, 0), named(name)).error, 0, name);
    t.ok(kernel.lookup(`/${name}`) > 6);
  }
  t.equal(kernel.ask(1, 1, Buffer.from('a\0description\0')).error, 0, 'what is behind it does not matter');
  for (const body of [Buffer.alloc(0), Buffer.from('a'), Buffer.from('\0'), Buffer.from('\0a\0')]) {
    t.equal(kernel.ask(1, 1, body).error, EIO, JSON.stringify(body.toString()));
  }
  t.end();
});

t.test('what is left of a longer request is not taken for the end of a name', (t) => {
  const { kernel } = makeKernel();
  kernel.ask(1, 1, named('aaaaaaaa'));
  t.equal(kernel.ask(1, 1, Buffer.from('a')).error, EIO);
  t.end();
});

t.test('FORGET', (t) => {
  const { kernel } = makeKernel();
  t.equal(kernel.session.nodes, 1);
  t.equal(kernel.lookup('/a'), 3);
  t.equal(kernel.lookup('/a'), 3);
  t.equal(kernel.session.nodes, 2);
  kernel.tell(2, 3, u64(1));
  t.equal(kernel.ask(3, 3, u32(0, 0), u64(0)).error, 0, 'it was given twice');
  kernel.tell(2, 3, u64(1));
  t.equal(kernel.ask(3, 3, u32(0, 0), u64(0)).error, ENOENT);
  t.equal(kernel.session.nodes, 1);
  kernel.tell(2, 1, u64(1000));
  t.equal(kernel.ask(3, 1, u32(0, 0), u64(0)).error, 0, 'the root stays');
  kernel.tell(2, 99, u64(1));
  kernel.lookup('/a');
  kernel.lookup('/a');
  kernel.tell(2, 3, u64(2));
  t.equal(kernel.session.nodes, 1, 'twice at once');
  t.end();
});

t.test('BATCH_FORGET', (t) => {
  const { kernel } = makeKernel();
  kernel.lookup('/a/value');
  kernel.lookup('/a/size');
  t.equal(kernel.session.nodes, 4);
  // count, dummy; nodeid and nlookup of each
  kernel.tell(42, 0, u32(3, 0), u64(4, 1), u64(3, 1), u64(1, 5));
  t.equal(kernel.session.nodes, 3, 'the directory was given twice');
  kernel.tell(42, 0, u32(1, 0), u64(3, 1), u64(5, 1));
  t.equal(kernel.session.nodes, 2, 'what is behind the count is not meant');
  kernel.tell(42, 0, u32(1000, 0), u64(5, 1));
  t.equal(kernel.session.nodes, 1, 'a count that is too high');
  kernel.tell(42, 0, u32(0, 0));
  kernel.tell(42, 0);
  t.equal(kernel.ask(3, 1).error, 0, 'the root stays');
  t.end();
});

t.test('GETATTR', (t) => {
  const { kernel } = makeKernel(60);
  const { error, body } = kernel.ask(3, kernel.lookup('/a/value'), u32(0, 0), u64(0));
  t.equal(error, 0);
  t.equal(body.length, 104);
  t.strictSame([body.readBigUInt64LE(0), body.readUInt32LE(8), body.readUInt32LE(12)], [60n, 0, 0]);
  t.strictSame(readAttr(body, 16), valueAttr);
  const root = readAttr(kernel.ask(3, 1, u32(0, 0), u64(0)).body, 16);
  // Changed in the millisecond in which it was made.
  t.strictSame(root, { ...directoryAttr, ino: 1, nlink: 3, mtimensec: 5e8 + 1000 });
  t.end();
});

const MODE = 1 << 0;
const UID = 1 << 1;
const GID = 1 << 2;
const SIZE = 1 << 3;
const ATIME = 1 << 4;
const MTIME = 1 << 5;
const ATIME_NOW = 1 << 7;
const MTIME_NOW = 1 << 8;
const CTIME = 1 << 10;

/** struct fuse_setattr_in: what is not given is a value that would show if it were used. */
function setattr(
  valid: number,
  {
    size = 77,
    atime = [71, 72],
    mtime = [73, 74],
    mode = 0o7777,
    uid = 75,
    gid = 76,
  }: {
    size?: number;
    atime?: readonly [number, number];
    mtime?: readonly [number, number];
    mode?: number;
    uid?: number;
    gid?: number;
  } = {},
) {
  return [
    u32(valid, 0),
    u64(0, size, 0, atime[0], mtime[0], 78),
    u32(atime[1], mtime[1], 79, mode, 0, uid, gid, 0),
  ];
}

const setCases: [title: string, body: Buffer[], change: Partial<typeof valueAttr>][] = [
  ['the mode', setattr(MODE, { mode: 0o100600 }), { mode: 0o100600 }],
  ['the owner', setattr(UID, { uid: 1000 }), { uid: 1000 }],
  ['the group', setattr(GID, { gid: 2000 }), { gid: 2000 }],
  ['both', setattr(UID | GID, { uid: 4294967294, gid: 0 }), { uid: 4294967294, gid: 0 }],
  ['the size, which stays', setattr(SIZE, { size: 0 }), {}],
  ['the access time', setattr(ATIME, { atime: [5, 6_000_000] }), { atime: 5, atimensec: 6_000_000 }],
  ['the change time of the data', setattr(MTIME, { mtime: [8, 0] }), { mtime: 8, mtimensec: 0 }],
  ['a time before 1970', setattr(MTIME, { mtime: [-100, 5e8] }), { mtime: -100, mtimensec: 5e8 }],
  ['the access time to now', setattr(ATIME | ATIME_NOW), { atime: 1008 }],
  [
    'both times to now, as touch does',
    setattr(ATIME | ATIME_NOW | MTIME | MTIME_NOW),
    { atime: 1008, mtime: 1008 },
  ],
  [
    'one to now and the other not',
    setattr(ATIME | MTIME | MTIME_NOW, { atime: [9, 0] }),
    { atime: 9, atimensec: 0, mtime: 1008 },
  ],
  [
    'all at once',
    setattr(MODE | UID | GID | SIZE | ATIME | MTIME, {
      mode: 0o400,
      uid: 1,
      gid: 2,
      atime: [3, 0],
      mtime: [4, 0],
    }),
    { mode: 0o100400, uid: 1, gid: 2, atime: 3, atimensec: 0, mtime: 4, mtimensec: 0 },
  ],
  ['the change time of the status, which is not for others to set', setattr(CTIME), {}],
  ['nothing', setattr(0), {}],
];

for (const [title, body, change] of setCases) {
  t.test(`SETATTR: ${title}`, (t) => {
    const { kernel } = makeKernel(60);
    const nodeid = kernel.lookup('/a/value');
    const reply = kernel.ask(4, nodeid, ...body);
    t.equal(reply.error, 0);
    t.equal(reply.body.length, 104);
    t.equal(reply.body.readBigUInt64LE(0), 60n);
    t.strictSame(readAttr(reply.body, 16), { ...valueAttr, ...change });
    t.strictSame(kernel.ask(3, nodeid).body, reply.body, 'and it stays');
    t.end();
  });
}

t.test('SETATTR is refused', (t) => {
  const { kernel } = makeKernel();
  const directory = kernel.lookup('/a');
  const file = kernel.lookup('/a/value');
  t.equal(kernel.ask(4, directory, ...setattr(SIZE)).error, EISDIR);
  kernel.ask(11, 1, named('a'));
  for (const valid of [MODE, UID, SIZE, ATIME, MTIME_NOW | MTIME, 0]) {
    t.equal(kernel.ask(4, file, ...setattr(valid)).error, ENOENT, `of a removed file: ${valid}`);
  }
  t.end();
});

t.test('SETATTR takes the clock of the system by default', (t) => {
  const kernel = new Kernel(new Tree(new Shelf()));
  const before = Math.floor(Date.now() / 1000);
  const { atime } = readAttr(kernel.ask(4, 1, ...setattr(ATIME | ATIME_NOW)).body, 16);
  t.ok(atime >= before && atime <= Date.now() / 1000);
  t.end();
});

t.test('OPEN, READ, RELEASE', (t) => {
  const { kernel } = makeKernel();
  const nodeid = kernel.lookup('/a/value');
  const { error, body } = kernel.ask(14, nodeid, u32(0, 0));
  t.equal(error, 0);
  // fh; FOPEN_DIRECT_IO and FOPEN_NOFLUSH; padding
  t.strictSame(body, Buffer.concat([u64(0), u32((1 << 0) | (1 << 5), 0)]));
  t.equal(kernel.open(nodeid, 2), 1, 'a handle of its own');
  for (const [offset, size, text] of [
    [0, 4096, 'empty\n'],
    [0, 2, 'em'],
    [2, 3, 'pty'],
    [5, 100, '\n'],
    [6, 100, ''],
    [4096, 100, ''],
    [2 ** 40, 100, ''],
    [0, 0, ''],
    [0, 0xffffffff, 'empty\n'],
  ] as const) {
    const read = kernel.read(0, offset, size);
    t.strictSame([read.error, read.body.toString()], [0, text], `${size} from ${offset} on`);
  }
  t.strictSame(kernel.ask(18, nodeid, u64(0), u32(0, 0), u64(0)), { error: 0, body: Buffer.alloc(0) });
  t.equal(kernel.ask(18, nodeid, u64(0), u32(0, 0), u64(0)).error, EBADF, 'again');
  t.equal(kernel.read(0, 0, 1).error, EBADF);
  t.equal(kernel.write(0, 'x').error, EBADF);
  t.equal(kernel.read(1, 0, 1).error, 0);
  t.equal(kernel.ask(18, nodeid, u64(99), u32(0, 0), u64(0)).error, EBADF);
  t.equal(kernel.ask(18, nodeid, u64(2n ** 64n - 1n), u32(0, 0), u64(0)).error, EBADF);
  t.equal(kernel.open(nodeid, 0), 0, 'the handle is used again');
  t.end();
});

t.test('OPEN is refused', (t) => {
  const { kernel } = makeKernel();
  for (const [path, flags, error] of [
    ['/a', 0, EISDIR],
    ['/a/size', 1, EACCES],
    ['/a/size', 2, EACCES],
    ['/a/fill', 0, EACCES],
    ['/a/fill', 2, EACCES],
    ['/a/size', 0, 0],
    ['/a/fill', 1, 0],
    // O_TRUNC and O_APPEND change nothing.
    ['/a/value', 1 | 0o1000 | 0o2000, 0],
  ] as const) {
    t.equal(kernel.ask(14, kernel.lookup(path), u32(flags, 0)).error, error, `${path} ${flags}`);
  }
  t.end();
});

t.test('WRITE', (t) => {
  const { kernel, tree } = makeKernel();
  const fh = kernel.open(kernel.lookup('/a/value'), 1);
  t.strictSame(kernel.write(fh, 'full\n'), { error: 0, body: u32(5, 0) });
  t.equal(cat(tree, '/a/value'), 'full\n');
  t.equal(kernel.read(fh, 0, 10).error, EBADF, 'not open for reading');
  t.strictSame(kernel.write(fh, 'again\n', 100), { error: 0, body: u32(6, 0) }, 'wherever');
  t.equal(cat(tree, '/a/value'), 'again\n');
  t.strictSame(kernel.write(fh, 'x'.repeat(10_000)), { error: 0, body: u32(4095, 0) });
  t.equal(cat(tree, '/a/value'), 'x'.repeat(4095), 'never more than a page');
  t.strictSame(kernel.write(fh, 'y'.repeat(131072)), { error: 0, body: u32(4095, 0) });
  const reader = kernel.open(kernel.lookup('/a/value'), 0);
  t.equal(kernel.write(reader, 'x').error, EBADF, 'not open for writing');
  t.end();
});

/** WRITE of a text by some uid, gid and pid. */
function writeAs(kernel: Kernel, fh: number, text: string, ids: readonly [number, number, number]) {
  const bytes = request(16, 1, [u64(fh, 0), u32(text.length, 0), u64(0), u32(0, 0), Buffer.from(text)]);
  u32(...ids).copy(bytes, 24);
  return kernel.give(bytes)!.readInt32LE(4);
}

/** OPEN for writing by some uid and gid. @returns the file handle */
function openAs(kernel: Kernel, path: string, ids: readonly [number, number]): number {
  const bytes = request(14, kernel.lookup(path), [u32(1, 0)]);
  u32(...ids).copy(bytes, 24);
  return Number(kernel.give(bytes)!.readBigUInt64LE(16));
}

t.test('WRITE tells the store who writes, as the user who has opened the file', (t) => {
  const callers: (Caller | undefined)[] = [];
  class Guestbook extends Shelf {
    override get attributes(): readonly Attribute[] {
      return [{ name: 'guest', mode: 0o200, store: (_item, _text, caller) => callers.push(caller) }];
    }
  }
  const kernel = new Kernel(new Tree(new Guestbook()));
  const roots = openAs(kernel, '/guest', [0, 0]);
  t.equal(writeAs(kernel, roots, 'x', [1, 2, 3]), 0);
  t.equal(writeAs(kernel, roots, 'x', [0xfffffffe, 0xffffffff, 4194304]), 0);
  const users = openAs(kernel, '/guest', [1000, 100]);
  t.equal(writeAs(kernel, users, 'x', [0, 0, 5]), 0);
  t.strictSame(callers, [
    { uid: 1, gid: 2, pid: 3 },
    { uid: 0xfffffffe, gid: 0xffffffff, pid: 4194304 },
    { uid: 1000, gid: 100, pid: 5 },
  ]);
  t.end();
});

t.test('0 written to tasks by somebody whose pid is not seen from here is no task', (t) => {
  const registry = new Registry();
  const tasks = new Tasks(registry);
  const kernel = new Kernel(beancounterTree(registry, { source: taskSource(tasks) }));
  kernel.ask(9, 1, u32(0o755, 0), named('7'));
  for (const name of ['tasks', 'threads']) {
    const fh = kernel.open(kernel.lookup(`/7/${name}`), 1);
    t.equal(writeAs(kernel, fh, '0', [0, 0, 0]), ESRCH, name);
    t.equal(writeAs(kernel, fh, '0\n', [0, 0, 77]), ESRCH, 'one that is not a task of this engine');
  }
  t.strictSame(kernel.log, []);
  t.end();
});

t.test('WRITE that says more than it has is refused', (t) => {
  const { kernel, tree } = makeKernel();
  const fh = kernel.open(kernel.lookup('/a/value'), 1);
  for (const size of [6, 4096, 0xffffffff]) {
    const { error } = kernel.ask(16, 4, u64(fh, 0), u32(size, 0), u64(0), u32(0, 0), Buffer.from('full\n'));
    t.equal(error, EIO);
  }
  t.equal(cat(tree, '/a/value'), 'empty\n');
  t.end();
});

t.test('a removed directory takes no writes, and its files are read no more', (t) => {
  const { kernel } = makeKernel();
  const value = kernel.lookup('/a/value');
  const fh = kernel.open(value, 2);
  t.equal(kernel.ask(11, 1, named('a')).error, 0);
  t.equal(kernel.write(fh, 'x').error, ENOENT);
  t.equal(kernel.read(fh, 0, 1).error, ENOENT);
  t.equal(kernel.ask(14, value, u32(0, 0)).error, ENOENT);
  t.equal(kernel.ask(18, value, u64(fh), u32(0, 0), u64(0)).error, 0);
  t.end();
});

t.test('MKDIR and RMDIR', (t) => {
  const { kernel } = makeKernel();
  const made = kernel.ask(9, 1, u32(0o700, 0o22), named('b'));
  t.equal(made.error, 0);
  t.strictSame(readEntry(made.body).attr, { ...directoryAttr, ino: 7 });
  t.equal(readEntry(made.body).nodeid, 7);
  t.equal(kernel.session.nodes, 2, 'the kernel was given it');
  t.equal(kernel.ask(9, 1, u32(0o755, 0), named('b')).error, EEXIST);
  t.equal(kernel.ask(9, 1, u32(0o755, 0), named('description')).error, EEXIST);
  t.equal(kernel.ask(9, 7, u32(0o755, 0), named('c')).error, EPERM);
  t.equal(kernel.ask(9, 1, u32(0o755, 0), named('x'.repeat(256))).error, ENAMETOOLONG);
  t.equal(kernel.ask(11, 1, named('c')).error, ENOENT);
  t.equal(kernel.ask(11, 1, named('description')).error, ENOTDIR);
  t.strictSame(kernel.ask(11, 1, named('b')), { error: 0, body: Buffer.alloc(0) });
  t.equal(kernel.ask(3, 7).error, ENOENT, 'it is known, and gone');
  t.equal(kernel.ask(1, 1, named('b')).error, ENOENT);
  t.equal(kernel.ask(28, 7, u64(0, 0), u32(4096, 0), u64(0), u32(0, 0)).error, ENOENT);
  t.equal(kernel.session.nodes, 2, 'until the kernel forgets it');
  kernel.tell(2, 7, u64(1));
  t.equal(kernel.session.nodes, 1);
  t.end();
});

t.test('RMDIR of a directory with one that mkdir made', (t) => {
  const tree = new Tree(new Shelf([['default', new Shelf()]]));
  const kernel = new Kernel(tree);
  const group = kernel.lookup('/default');
  t.equal(kernel.ask(11, 1, named('default')).error, EPERM);
  t.equal(kernel.ask(9, 1, u32(0, 0), named('a')).error, 0);
  t.equal(kernel.ask(9, group, u32(0, 0), named('a')).error, 0);
  t.equal(kernel.ask(11, group, named('a')).error, 0);
  t.end();
});

class Nest extends Shelf {
  override makeItem() {
    return new Nest();
  }
}

t.test('RMDIR of a directory that is not empty', (t) => {
  const kernel = new Kernel(new Tree(new Nest()));
  const outer = readEntry(kernel.ask(9, 1, u32(0, 0), named('a')).body).nodeid;
  t.equal(kernel.ask(9, outer, u32(0, 0), named('b')).error, 0);
  t.equal(kernel.ask(11, 1, named('a')).error, ENOTEMPTY);
  t.end();
});

t.test('a directory that is removed and made again is another node', (t) => {
  const { kernel } = makeKernel();
  t.equal(kernel.lookup('/a'), 3);
  kernel.ask(11, 1, named('a'));
  const { nodeid } = readEntry(kernel.ask(9, 1, u32(0o755, 0), named('a')).body);
  t.equal(nodeid, 7);
  t.equal(kernel.ask(3, 3).error, ENOENT);
  t.equal(kernel.lookup('/a/value'), 8);
  t.end();
});

t.test('a node that the kernel was not given is not there', (t) => {
  const { kernel } = makeKernel();
  for (const opcode of [1, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14, 23, 27, 28, 35, 44, 45]) {
    for (const nodeid of [0, 3, 4, 2 ** 32]) t.equal(kernel.ask(opcode, nodeid).error, ENOENT, `${opcode}`);
  }
  t.equal(kernel.give(request(3, 2n ** 64n - 1n))!.readInt32LE(4), ENOENT);
  t.end();
});

t.test('STATFS', (t) => {
  const { kernel } = makeKernel();
  // blocks, bfree, bavail, files, ffree; bsize, namelen, frsize, padding; spare
  t.strictSame(kernel.ask(17, 1), {
    error: 0,
    body: Buffer.concat([u64(0, 0, 0, 0, 0), u32(4096, 255, 4096, 0), u64(0, 0, 0)]),
  });
  t.end();
});

t.test('INTERRUPT has no reply, DESTROY an empty one', (t) => {
  const { kernel } = makeKernel();
  kernel.tell(36, 0, u64(77));
  t.strictSame(kernel.ask(38, 0), { error: 0, body: Buffer.alloc(0) });
  t.end();
});

/** What a session tells the kernel by itself, byte by byte, and what the kernel says to that. */
function told(kernel: Kernel, answer: (ino: number) => number = () => 40): string[] {
  const messages: string[] = [];
  kernel.session.notify((bytes, size) => {
    messages.push(Buffer.from(bytes.subarray(0, size)).toString('hex'));
    return answer(Number(Buffer.from(bytes).readBigUInt64LE(16)));
  });
  return messages;
}

/** struct fuse_out_header with FUSE_NOTIFY_INVAL_INODE, and struct fuse_notify_inval_inode_out: attributes only. */
const inval = (ino: number) => Buffer.concat([u32(40, 2), u64(0, ino, -1, 0)]).toString('hex');

t.test('the kernel is told of what changes without its doing, if it knows the node', (t) => {
  const { kernel, tree } = makeKernel();
  const box = () => tree.resolve('/a') as Item;
  t.equal(tree.chmod(box(), 0o700), 0);
  t.equal(kernel.session.hasNews, false, 'it does not know it');
  t.equal(kernel.lookup('/a/value'), 4);
  t.equal(tree.chmod(box(), 0o755), 0);
  t.equal(tree.chmod(box(), 0o700), 0);
  t.equal(tree.chmod(tree.resolve('/a/size') as Item, 0o400), 0);
  t.equal(kernel.session.hasNews, true);
  t.strictSame(told(kernel), [inval(3)], 'once');
  t.equal(kernel.session.hasNews, false);
  t.strictSame(told(kernel), []);
  tree.mkdir(tree.root, 'b');
  t.strictSame(told(kernel), [inval(1)], 'of the directory that it is in');
  tree.rmdir(tree.root, 'a');
  t.strictSame(told(kernel), [inval(3), inval(4), inval(1)], 'of all that was in it');
  kernel.session.close();
  tree.mkdir(tree.root, 'c');
  t.equal(kernel.session.hasNews, false, 'when it is closed, of nothing');
  t.end();
});

t.test('the kernel is not told what its own request has told it', (t) => {
  const { kernel, tree } = makeKernel();
  const other = new Kernel(tree);
  const nodeid = kernel.lookup('/a');
  other.lookup('/a');
  kernel.ask(9, 1, u32(0o755, 0), named('b'));
  t.strictSame([told(kernel), told(other)], [[], [inval(1)]], 'mkdir');
  kernel.ask(4, nodeid, ...setattr(MODE | UID | MTIME));
  t.strictSame([told(kernel), told(other)], [[], [inval(3)]], 'chmod');
  kernel.ask(11, 1, named('b'));
  t.strictSame([told(kernel), told(other)], [[], [inval(1)]], 'rmdir of what the other does not know');
  kernel.ask(11, 1, named('a'));
  t.strictSame([told(kernel), told(other)], [[], [inval(3), inval(1)]], 'rmdir');
  t.end();
});

/** Does more than it was asked for. */
class Busybody extends Shelf {
  tree: Tree | undefined;

  override makeItem(name: string): Item {
    this.tree?.chmod(this, 0o700);
    this.tree?.rmdir(this, 'a');
    return super.makeItem(name);
  }
}

t.test('but it is told what a hook does in its own request', (t) => {
  const root = new Busybody();
  const tree = new Tree(root, { now: () => NOW });
  tree.mkdir(tree.root, 'a');
  root.tree = tree;
  const kernel = new Kernel(tree);
  t.equal(kernel.lookup('/a'), 3);
  t.equal(kernel.ask(9, 1, u32(0o755, 0), named('b')).error, 0);
  t.strictSame(told(kernel), [inval(1), inval(3)]);
  t.end();
});

t.test('what the kernel does not know yet it is told again, until it does or has forgotten it', (t) => {
  const { kernel, tree } = makeKernel();
  kernel.lookup('/a/value');
  const touch = () => {
    for (const path of ['/a', '/a/value']) tree.chmod(tree.resolve(path) as Item, 0o600);
  };
  touch();
  t.strictSame(
    told(kernel, (ino) => (ino === 4 ? ENOENT : 40)),
    [inval(3), inval(4)],
  );
  t.equal(kernel.session.hasNews, true);
  t.strictSame(
    told(kernel, () => ENOENT),
    [inval(4)],
  );
  t.strictSame(told(kernel), [inval(4)]);
  t.equal(kernel.session.hasNews, false);
  touch();
  kernel.tell(2, 4, u64(1));
  t.strictSame(told(kernel), [inval(3)]);
  t.equal(kernel.session.hasNews, false);
  t.end();
});

t.test('a node that was removed without the kernel’s doing has it look the name up again', (t) => {
  const { kernel, tree } = makeKernel();
  kernel.lookup('/a/value');
  const fh = kernel.open(4, 0);
  tree.rmdir(tree.root, 'a');
  for (const nodeid of [3, 4]) {
    t.equal(kernel.ask(3, nodeid).error, ESTALE, 'GETATTR');
    t.equal(kernel.ask(4, nodeid, ...setattr(MODE)).error, ESTALE, 'SETATTR');
    t.equal(kernel.ask(14, nodeid, u32(0, 0)).error, ESTALE, 'OPEN');
    t.equal(kernel.ask(27, nodeid, u32(0, 0)).error, ESTALE, 'OPENDIR');
  }
  t.equal(kernel.ask(1, 1, named('a')).error, ENOENT);
  t.equal(kernel.ask(1, 3, named('value')).error, ENOENT, 'what is in it is not there');
  t.equal(kernel.ask(9, 3, u32(0, 0), named('b')).error, ENOENT);
  t.equal(kernel.readdir(3, 0, 4096).error, ENOENT);
  t.equal(kernel.read(fh, 0, 10).error, ENOENT);
  t.equal(kernel.ask(18, 4, u64(fh), u32(0, 0), u64(0)).error, 0);
  tree.mkdir(tree.root, 'a');
  t.equal(kernel.lookup('/a'), 7, 'and finds the new one');
  t.equal(kernel.ask(3, 3).error, ESTALE);
  t.end();
});

class Again extends Shelf {
  readonly box = new Item();

  override makeItem() {
    return this.box;
  }
}

t.test('an item that is removed and comes again is another node', (t) => {
  const tree = new Tree(new Again());
  const kernel = new Kernel(tree);
  const { nodeid } = readEntry(kernel.ask(9, 1, u32(0, 0), named('a')).body);
  t.equal(kernel.ask(11, 1, named('a')).error, 0);
  const again = readEntry(kernel.ask(9, 1, u32(0, 0), named('a')).body).nodeid;
  t.not(again, nodeid);
  t.equal(kernel.ask(3, nodeid).error, ENOENT);
  t.equal(kernel.ask(3, again).error, 0);
  t.end();
});

t.test('whoever has the descriptor is told that there is news', (t) => {
  const tree = new Tree(new Shelf());
  let news = 0;
  const session = new Session(tree, { log: () => {}, onNews: () => (news += 1) });
  tree.chmod(tree.root, 0o700);
  t.equal(news, 1);
  session.notify(() => 40);
  tree.mkdir(tree.root, 'a');
  tree.chmod(tree.resolve('/a') as Item, 0o700);
  t.equal(news, 3, 'for as long as there is');
  session.notify(() => 40);
  tree.chmod(tree.resolve('/a') as Item, 0o700);
  t.equal(news, 3, 'not for what the kernel does not know');
  t.end();
});

t.test('names and attributes may be kept for a day', (t) => {
  const tree = new Tree(new Shelf());
  const session = new Session(tree, { log: () => {} });
  session.request.bytes.set(request(3, 1));
  session.handle(40);
  t.equal(session.reply.bytes.readBigUInt64LE(16), 86_400n);
  t.end();
});

const mknod = (mode: number, name: string) => [u32(mode, 0, 0, 0), named(name)];

const refusals: [title: string, opcode: number, path: string, body: Buffer[], error: number][] = [
  ['CREATE', 35, '', [u32(0o101, 0o644, 0o22, 0), named('b')], EACCES],
  ['CREATE of what is there', 35, '', [u32(0o101, 0o644, 0o22, 0), named('a')], EEXIST],
  ['MKNOD of a regular file', 8, '', mknod(0o100644, 'b'), EACCES],
  ['MKNOD of a fifo', 8, '', mknod(0o010644, 'b'), EPERM],
  ['MKNOD of a device', 8, '', mknod(0o020644, 'b'), EPERM],
  ['MKNOD of what is there', 8, '', mknod(0o100644, 'a'), EEXIST],
  ['UNLINK', 10, '/a', [named('value')], EPERM],
  ['UNLINK of a directory', 10, '', [named('a')], EISDIR],
  ['UNLINK of nothing', 10, '', [named('b')], ENOENT],
  ['RENAME', 12, '', [u64(1), named('a'), named('b')], EPERM],
  ['RENAME2', 45, '', [u64(1), u32(1, 0), named('a'), named('b')], EPERM],
  ['LINK', 13, '', [u64(1), named('b')], EPERM],
  ['LINK of a node that the kernel was not given', 13, '', [u64(999), named('b')], ENOENT],
  ['LINK to what is there', 13, '', [u64(1), named('a')], EEXIST],
  ['SYMLINK', 6, '', [named('b'), named('target')], EPERM],
  ['SYMLINK to what is there', 6, '', [named('a'), named('target')], EEXIST],
  ['FSYNC', 20, '/a/value', [u64(0), u32(0, 0)], EINVAL],
  ['FSYNCDIR', 30, '/a', [u64(0), u32(0, 0)], EINVAL],
  ['READLINK', 5, '/a/value', [], ENOSYS],
  ['SETXATTR', 21, '/a/value', [u32(1, 0), named('user.a'), Buffer.from('x')], ENOSYS],
  ['GETXATTR', 22, '/a/value', [u32(100, 0), named('user.a')], ENOSYS],
  ['REMOVEXATTR', 24, '/a/value', [named('user.a')], ENOSYS],
  ['FLUSH', 25, '/a/value', [u64(0, 0, 0)], ENOSYS],
  ['OPENDIR of a file', 27, '/a/value', [u32(0, 0)], ENOTDIR],
  ['SETLK', 32, '/a/value', [u64(0, 0, 0, 0), u32(0, 0, 0, 0)], ENOSYS],
  ['ACCESS', 34, '/a/value', [u32(4, 0)], ENOSYS],
  ['BMAP', 37, '/a/value', [u64(0), u32(512, 0)], ENOSYS],
  ['IOCTL', 39, '/a/value', [u64(0), u32(0, 0), u64(0), u32(0, 0)], ENOSYS],
  ['POLL', 40, '/a/value', [u64(0, 0), u32(0, 0)], ENOSYS],
  ['FALLOCATE', 43, '/a/value', [u64(0, 0, 1), u32(0, 0)], ENOSYS],
  ['LSEEK', 46, '/a/value', [u64(0, 0), u32(3, 0)], ENOSYS],
  ['COPY_FILE_RANGE', 47, '/a/value', [u64(0, 0, 4, 0, 0, 1, 0)], ENOSYS],
  ['TMPFILE', 51, '/a', [u32(0, 0, 0, 0), named('b')], ENOSYS],
  ['opcode 0', 0, '/a', [], ENOSYS],
  ['opcode 9999', 9999, '/a', [Buffer.alloc(100)], ENOSYS],
  ['opcode 2^32 - 1', 0xffffffff, '/a', [], ENOSYS],
];

for (const [title, opcode, path, body, error] of refusals) {
  t.test(`${title} is refused with ${error}`, (t) => {
    const { kernel, tree } = makeKernel();
    t.equal(kernel.ask(opcode, kernel.lookup(path), ...body).error, error);
    t.strictSame([...tree.root.children.keys()], ['a'], 'nothing changed');
    t.strictSame(kernel.log, []);
    t.end();
  });
}

t.test('OPENDIR: a kernel that can do without is told so, another that it may keep what it lists', (t) => {
  const NO_OPENDIR_SUPPORT = 1 << 24;
  for (const [flags, answer] of [
    [0xffffffff, { error: ENOSYS, body: Buffer.alloc(0) }],
    // fh; FOPEN_KEEP_CACHE and FOPEN_CACHE_DIR; padding
    [(0xffffffff & ~NO_OPENDIR_SUPPORT) >>> 0, { error: 0, body: Buffer.concat([u64(0), u32(2 | 8, 0)]) }],
  ] as const) {
    const { kernel } = makeKernel();
    t.equal(kernel.ask(26, 0, u32(7, 28, 0, flags)).error, 0);
    t.strictSame(kernel.ask(27, kernel.lookup('/a'), u32(0, 0)), answer);
    const { error } = kernel.ask(29, 3, u64(0), u32(0, 0), u64(0));
    t.equal(error, 0, 'RELEASEDIR');
  }
  t.end();
});

t.test('LISTXATTR: there are none', (t) => {
  const { kernel } = makeKernel();
  const nodeid = kernel.lookup('/a/value');
  t.strictSame(kernel.ask(23, nodeid, u32(0, 0)), { error: 0, body: u32(0, 0) }, 'the size');
  t.strictSame(kernel.ask(23, nodeid, u32(100, 0)), { error: 0, body: Buffer.alloc(0) }, 'the names');
  t.end();
});

t.test('READDIR', (t) => {
  const { kernel } = makeKernel();
  const { error, body } = kernel.readdir(kernel.lookup('/a'), 0, 4096);
  t.equal(error, 0);
  t.strictSame(readDirents(body, false), [
    { ino: 3, off: 1, type: 4, name: '.' },
    { ino: 1, off: 2, type: 4, name: '..' },
    { ino: 4, off: 6, type: 8, name: 'value' },
    { ino: 5, off: 7, type: 8, name: 'size' },
    { ino: 6, off: 8, type: 8, name: 'fill' },
  ]);
  t.strictSame(
    body.subarray(0, 32),
    Buffer.concat([u64(3, 1), u32(1, 4), Buffer.from('.\0\0\0\0\0\0\0')]),
    'an entry is padded to 8 bytes',
  );
  t.strictSame(
    readDirents(kernel.readdir(1, 0, 4096).body, false).map(({ ino, name }) => [ino, name]),
    [
      [1, '.'],
      [1, '..'],
      [2, 'description'],
      [3, 'a'],
    ],
  );
  t.equal(kernel.session.nodes, 2, 'READDIR gives no nodes');
  t.equal(kernel.readdir(kernel.lookup('/description'), 0, 4096).error, ENOTDIR);
  t.end();
});

t.test('READDIR goes on after an offset', (t) => {
  const { kernel } = makeKernel();
  const names = (offset: number) =>
    readDirents(kernel.readdir(3, offset, 4096).body, false).map(({ name }) => name);
  kernel.lookup('/a');
  t.strictSame(names(1), ['..', 'value', 'size', 'fill']);
  t.strictSame(names(2), ['value', 'size', 'fill']);
  t.strictSame(names(6), ['size', 'fill']);
  t.strictSame(names(8), []);
  t.strictSame(names(2 ** 60), []);
  t.end();
});

t.test('READDIRPLUS gives nodes, but not those of the dots', (t) => {
  const { kernel } = makeKernel(1);
  const a = kernel.lookup('/a');
  const { body } = kernel.readdir(a, 0, 4096, true);
  const dirents = readDirents(body, true);
  t.strictSame(
    dirents.map(({ name, ino, off, type, entry }) => [name, ino, off, type, entry!.nodeid, entry!.attr.ino]),
    [
      ['.', 3, 1, 4, 0, 3],
      ['..', 1, 2, 4, 0, 1],
      ['value', 4, 6, 8, 4, 4],
      ['size', 5, 7, 8, 5, 5],
      ['fill', 6, 8, 8, 6, 6],
    ],
  );
  t.strictSame(dirents[2]!.entry, {
    nodeid: 4,
    generation: 0,
    entryValid: 1,
    attrValid: 1,
    entryValidNsec: 0,
    attrValidNsec: 0,
    attr: valueAttr,
  });
  t.strictSame(dirents[0]!.entry!.attr, directoryAttr);
  t.equal(kernel.session.nodes, 5, 'the root, a, and three files');
  kernel.tell(42, 0, u32(3, 0), u64(4, 1), u64(5, 1), u64(6, 1));
  t.equal(kernel.session.nodes, 2, 'each was given once');
  t.end();
});

const full = 'x'.repeat(255);

for (const plus of [false, true]) {
  const opcode = plus ? 'READDIRPLUS' : 'READDIR';
  const head = plus ? 128 + 24 : 24;
  const lengthOf = (name: string) => Math.ceil((head + name.length) / 8) * 8;

  t.test(`${opcode} in small pieces gives every entry once`, (t) => {
    const { kernel, tree } = makeKernel();
    const names = ['.', '..', 'description', 'a'];
    for (let i = 1; i <= 20; i += 1) {
      tree.mkdir(tree.root, full.slice(0, i));
      names.push(full.slice(0, i));
    }
    const most = lengthOf(full.slice(0, 20));
    for (const size of [most, most + 7, most + 8, 2 * most, 500, 1000, 4096, 2 ** 31]) {
      const listed = kernel.list(1, size, plus);
      t.strictSame(
        listed.map(({ name }) => name),
        names,
        `${size} bytes`,
      );
    }
    t.end();
  });

  t.test(`${opcode} fills its room to the byte`, (t) => {
    const { kernel } = makeKernel();
    kernel.lookup('/a');
    const sizes = ['.', '..', 'value', 'size', 'fill'].map(lengthOf);
    let end = 0;
    for (const [i, size] of sizes.entries()) {
      t.equal(kernel.readdir(3, 0, end + size - 1, plus).body.length, end);
      end += size;
      t.equal(kernel.readdir(3, 0, end, plus).body.length, end, `${i + 1} entries`);
    }
    t.equal(kernel.readdir(3, 0, 0, plus).body.length, 0);
    t.end();
  });

  t.test(`${opcode} gives no node that had no room`, (t) => {
    const { kernel } = makeKernel();
    kernel.lookup('/a');
    kernel.readdir(3, 2, lengthOf('value') + 8, plus);
    t.equal(kernel.session.nodes, plus ? 3 : 2);
    t.end();
  });

  t.test(`${opcode} gives what stays, once, whatever comes and goes meanwhile`, (t) => {
    const { kernel, tree } = makeKernel();
    const stay = Array.from({ length: 20 }, (_, i) => `stay-${i}`);
    const go = Array.from({ length: 20 }, (_, i) => `gone-${i}`);
    stay.forEach((name, i) => {
      tree.mkdir(tree.root, name);
      tree.mkdir(tree.root, go[i]!);
    });
    let calls = 0;
    const listed = kernel.list(1, 3 * lengthOf('stay-00'), plus, () => {
      // One that was listed, or not yet, goes, and one comes, after which it goes and comes again.
      const name = go[(calls * 7) % go.length]!;
      if (calls < go.length) {
        tree.rmdir(tree.root, name);
        tree.mkdir(tree.root, `new-${calls}`);
        tree.rmdir(tree.root, `new-${calls}`);
        tree.mkdir(tree.root, `new-${calls}`);
      }
      calls += 1;
    });
    t.ok(calls > 10);
    const names = listed.map(({ name }) => name);
    t.strictSame(
      names.filter((name) => name.startsWith('stay')),
      stay,
    );
    t.strictSame(new Set(names).size, names.length, 'none twice');
    const offsets = listed.map(({ off }) => off);
    t.strictSame(
      offsets,
      offsets.toSorted((a, b) => a - b),
    );
    t.end();
  });

  t.test(`${opcode} leaves out what was added behind the back of the tree`, (t) => {
    const { kernel, tree } = makeKernel();
    tree.root.add('b', new Item());
    t.strictSame(
      kernel.list(1, 4096, plus).map(({ name }) => name),
      ['.', '..', 'description', 'a'],
    );
    t.end();
  });

  t.test(`${opcode} of many entries is never longer than a reply may be`, (t) => {
    const { kernel, tree } = makeKernel();
    for (let i = 0; i < 2000; i += 1) tree.mkdir(tree.root, `${i}-${'x'.repeat(100)}`);
    t.ok(kernel.readdir(1, 0, 2 ** 31, plus).body.length <= 131072);
    t.equal(kernel.list(1, 2 ** 31, plus).length, 2004);
    t.end();
  });
}

/** Throws wherever its attributes are looked at, once it is told to. */
class Throws extends Shelf {
  what: unknown;

  override get attributes(): readonly Attribute[] {
    if (this.what !== undefined) throw this.what as Error;
    return super.attributes;
  }
}

t.test('a mistake in the tree is an EIO and a line in the log', (t) => {
  const root = new Throws();
  const kernel = new Kernel(new Tree(root));
  root.what = new Error('a mistake');
  t.equal(kernel.ask(1, 1, named('b')).error, EIO);
  t.match(kernel.log, [/^LOOKUP: Error: a mistake\n {4}at /]);
  root.what = Object.assign(new Error('without a stack'), { stack: undefined });
  t.equal(kernel.ask(28, 1, u64(0, 0), u32(4096, 0), u64(0), u32(0, 0)).error, EIO);
  root.what = 'a word';
  t.equal(kernel.ask(9, 1, u32(0, 0), named('b')).error, EIO);
  t.strictSame(kernel.log.slice(1), ['READDIR: without a stack', 'MKDIR: a word']);
  root.what = undefined;
  t.equal(kernel.ask(9, 1, u32(0, 0), named('b')).error, 0, 'and the session goes on');
  t.end();
});
