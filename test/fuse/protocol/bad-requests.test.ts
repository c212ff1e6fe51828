import fc from 'fast-check';
import t from 'tap';
import { Tree } from '../../../lib/configfs/tree.js';
import { Kernel, named, request, u32, u64 } from '../../fixtures/kernel.js';
import { Shelf } from '../../fixtures/shelf.js';

const EIO = -5;
const PIECES = [u32(4096, 0), u64(0), u32(0, 0)];

/** A shelf with the box `a`, of which the kernel knows nodes 1 to 4, and has opened 4 as file 0. */
function makeKernel(): Kernel {
  const tree = new Tree(new Shelf(), { log: () => {} });
  tree.mkdir(tree.root, 'a');
  tree.mkdir(tree.root, 'b');
  const kernel = new Kernel(tree);
  kernel.lookup('/a/value');
  kernel.lookup('/description');
  kernel.open(4, 2);
  return kernel;
}

/** An orderly request of each kind, and whether what is cut off of it is missed: not, if nobody looks at it. */
const requests: [name: string, bytes: Buffer, isMissed: boolean][] = [
  ['LOOKUP', request(1, 1, [named('a')]), true],
  ['FORGET', request(2, 3, [u64(1)]), true],
  ['GETATTR', request(3, 3, [u32(0, 0), u64(0)]), false],
  ['SETATTR', request(4, 4, [u32(0x1bf, 0), u64(0, 0, 0, 1, 2, 3), u32(4, 5, 6, 0o600, 0, 7, 8, 0)]), true],
  ['SYMLINK', request(6, 1, [named('c'), named('target')]), true],
  ['MKNOD', request(8, 1, [u32(0o100644, 0, 0, 0), named('c')]), true],
  ['MKDIR', request(9, 1, [u32(0o755, 0), named('c')]), true],
  ['UNLINK', request(10, 1, [named('description')]), true],
  ['RMDIR', request(11, 1, [named('b')]), true],
  ['RENAME', request(12, 1, [u64(1), named('a'), named('c')]), false],
  ['LINK', request(13, 1, [u64(4), named('c')]), true],
  ['OPEN', request(14, 4, [u32(2, 0)]), true],
  ['READ', request(15, 4, [u64(0, 0), ...PIECES]), true],
  ['WRITE', request(16, 4, [u64(0, 0), u32(5, 0), u64(0), u32(0, 0), Buffer.from('full\n')]), true],
  ['STATFS', request(17, 1), false],
  ['RELEASE', request(18, 4, [u64(0), u32(0, 0), u64(0)]), true],
  ['FSYNC', request(20, 4, [u64(0), u32(0, 0)]), false],
  ['SETXATTR', request(21, 4, [u32(1, 0), named('user.a'), Buffer.from('x')]), false],
  ['LISTXATTR', request(23, 4, [u32(0, 0)]), true],
  ['INIT', request(26, 0, [u32(7, 45, 0x20000, 0xffffffff, 0xffffffff), Buffer.alloc(44)]), true],
  ['READDIR', request(28, 1, [u64(0, 0), ...PIECES]), true],
  ['CREATE', request(35, 1, [u32(0o101, 0o644, 0, 0), named('c')]), true],
  ['INTERRUPT', request(36, 0, [u64(77)]), false],
  ['DESTROY', request(38, 0), false],
  ['BATCH_FORGET', request(42, 0, [u32(2, 0), u64(3, 1), u64(4, 1)]), true],
  ['READDIRPLUS', request(44, 1, [u64(0, 0), ...PIECES]), true],
  ['RENAME2', request(45, 1, [u64(1), u32(0, 0), named('a'), named('c')]), false],
  ['opcode 9999', request(9999, 1, [Buffer.alloc(20)]), false],
];

/** How much of a body is needed: SYMLINK's target is not looked at, nor INIT's later half. */
const NEEDED: Readonly<Record<string, number>> = { SYMLINK: 42, INIT: 56 };
const NO_REPLY = ['FORGET', 'BATCH_FORGET', 'INTERRUPT'];

/** The error of a reply, whose form is looked at; undefined for none. */
function errorOf(bytes: Uint8Array, reply: Buffer | undefined): number | undefined {
  if (!reply) return undefined;
  if (reply.readUInt32LE(0) !== reply.length) throw new Error('the length in the reply is not its length');
  if (!reply.subarray(8, 16).equals(bytes.subarray(8, 16))) throw new Error('a reply to another request');
  const error = reply.readInt32LE(4);
  if (error > 0 || error < -511) throw new Error(`${error} is no errno`);
  if (error < 0 && reply.length !== 16) throw new Error('an error with a body');
  return error;
}

for (const [name, whole, isMissed] of requests) {
  const hasNoReply = NO_REPLY.includes(name);

  t.test(`${name} is orderly as it is`, (t) => {
    const kernel = makeKernel();
    const error = errorOf(whole, kernel.give(whole));
    t.equal(error === undefined, hasNoReply);
    t.not(error, EIO);
    t.end();
  });

  t.test(`${name} cut anywhere is an EIO, or has no answer`, (t) => {
    for (let length = 0; length < whole.length; length += 1) {
      const kernel = makeKernel();
      const cut = whole.subarray(0, length);
      const expected = length < 40 || hasNoReply ? undefined : EIO;
      t.equal(errorOf(cut, kernel.give(cut)), expected, `${length} bytes`);
      t.strictSame(kernel.log, []);
    }
    t.end();
  });

  t.test(`${name} cut anywhere, with a header that says so`, (t) => {
    const uncut = errorOf(whole, makeKernel().give(whole));
    for (let length = 40; length < whole.length; length += 1) {
      const kernel = makeKernel();
      const cut = Buffer.from(whole.subarray(0, length));
      cut.writeUInt32LE(length, 0);
      const expected = isMissed && !hasNoReply && length < (NEEDED[name] ?? Infinity) ? EIO : uncut;
      t.equal(errorOf(cut, kernel.give(cut)), expected, `${length} bytes`);
      t.strictSame(kernel.log, []);
    }
    t.end();
  });
}

t.test('a request that is longer or shorter than it says is an EIO', (t) => {
  const kernel = makeKernel();
  for (const length of [0, 40, 41, 43, 2 ** 31, 2 ** 32 - 1]) {
    const bytes = request(1, 1, [named('a')]);
    bytes.writeUInt32LE(length, 0);
    t.equal(errorOf(bytes, kernel.give(bytes)), EIO, `${length}`);
  }
  t.end();
});

/** Whether a session that was given anything still serves. */
function serves(kernel: Kernel): boolean {
  return kernel.ask(3, 1).error === 0 && kernel.ask(28, 1, u64(0, 0), ...PIECES).error === 0;
}

t.test('any bytes have an orderly answer or none', (t) => {
  const kernel = makeKernel();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      errorOf(bytes, kernel.give(bytes));
    }),
    { numRuns: 2000 },
  );
  t.ok(serves(kernel));
  t.strictSame(kernel.log, []);
  t.end();
});

t.test('any body behind an orderly header has an orderly answer or none', (t) => {
  const kernel = makeKernel();
  const opcode = fc.oneof(fc.integer({ min: 0, max: 52 }), fc.nat(0xffffffff));
  const nodeid = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.bigInt(0n, 2n ** 64n - 1n));
  fc.assert(
    fc.property(opcode, nodeid, fc.uint8Array({ maxLength: 200 }), (opcode, nodeid, body) => {
      const bytes = request(opcode, nodeid, [Buffer.from(body)]);
      errorOf(bytes, kernel.give(bytes));
    }),
    { numRuns: 2000 },
  );
  t.ok(serves(kernel));
  t.strictSame(kernel.log, []);
  t.end();
});

t.test('a request with some bytes changed has an orderly answer or none', (t) => {
  const kernel = makeKernel();
  const change = fc.tuple(fc.nat(200), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)));
  fc.assert(
    fc.property(
      fc.constantFrom(...requests),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      ([, whole], changes, keepsLength) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        // Else nearly all of them would end there.
        if (keepsLength) bytes.writeUInt32LE(bytes.length, 0);
        errorOf(bytes, kernel.give(bytes));
      },
    ),
    { numRuns: 2000 },
  );
  t.ok(serves(kernel));
  t.strictSame(kernel.log, []);
  t.end();
});
