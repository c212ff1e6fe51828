/**
 * Anything at all given to a session: it answers in an orderly way, or not at all where there is nothing to answer,
 * and serves what comes next. BCFS_SOAK=1 for more of it.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { Registry } from '../../../lib/bc/registry.js';
import { beancounterTree } from '../../../lib/nodes/subsystem.js';
import { root } from '../../fixtures/command.js';
import { Kernel, named, request, u32, u64 } from '../../fixtures/kernel.js';
import { CASES, isSoak } from '../../fixtures/soak.js';

t.setTimeout(isSoak ? 3_600_000 : 120_000);

/** Source: Linux include/uapi/linux/fuse.h. */
const FATTR_MODE = 1;

const UNANSWERED = new Set([2, 36, 42]);

/** A tree of beancounters, on which random requests may do what they like. */
function makeKernel(): Kernel {
  const tree = beancounterTree(new Registry(), { log: () => {} });
  tree.mkdir(tree.root, '7');
  const kernel = new Kernel(tree);
  kernel.lookup('/7/numtasks/limit');
  kernel.lookup('/description');
  return kernel;
}

/** Throws if a reply is not what the kernel takes: it ends the connection of a server that writes anything else. */
function check(kernel: Kernel, bytes: Uint8Array): void {
  const reply = kernel.give(bytes);
  const view = Buffer.from(bytes);
  const isUnanswered = bytes.length < 40 || UNANSWERED.has(view.readUInt32LE(4));
  if (isUnanswered !== (reply === undefined)) throw new Error(isUnanswered ? 'a reply' : 'no reply');
  // What it would tell the kernel goes nowhere.
  kernel.session.notify((message, size) => {
    if (Buffer.from(message).readUInt32LE(0) !== size) throw new Error('the length of a notification');
    return size;
  });
  if (!reply) return;
  if (reply.readUInt32LE(0) !== reply.length) throw new Error('the length in the reply is not its length');
  if (!reply.subarray(8, 16).equals(view.subarray(8, 16))) throw new Error('a reply to another request');
  const error = reply.readInt32LE(4);
  if (error > 0 || error <= -512) throw new Error(`${error} is no errno`);
  if (error < 0 && reply.length !== 16) throw new Error('an error with a body');
  if (reply.length > 131072 + 16) throw new Error('longer than the kernel takes');
}

/** Whether the next requests are served: GETATTR of the root, a listing of it, and the words of its description. */
function serves(kernel: Kernel): boolean {
  if (kernel.ask(3, 1, u32(0, 0), u64(0)).error !== 0) return false;
  if (kernel.readdir(1, 0, 4096).error !== 0) return false;
  // A SETATTR may have taken from everybody, as configfs has it, the right to read it.
  const description = kernel.lookup('/description');
  const mode = [u32(FATTR_MODE, 0), u64(0, 0, 0, 0, 0, 0), u32(0, 0, 0, 0o444, 0, 0, 0, 0)];
  if (kernel.ask(4, description, ...mode).error !== 0) return false;
  const fh = kernel.open(description, 0);
  const { body } = kernel.read(fh, 0, 4096);
  kernel.tell(2, 2, u64(1));
  return kernel.ask(18, 2, u64(fh), u32(0, 0), u64(0)).error === 0 && body.length > 0;
}

/** Runs `give` on so many cases, one session for all of them, and looks whether that still serves after each. */
function always<T>(t: Test, cases: fc.Arbitrary<T>, give: (kernel: Kernel, value: T) => void): void {
  const kernel = makeKernel();
  fc.assert(
    fc.property(cases, (value) => {
      give(kernel, value);
      if (!serves(kernel)) throw new Error('it serves no more');
    }),
    { numRuns: CASES },
  );
  t.strictSame(kernel.log, []);
}

t.test('random bytes', (t) => {
  always(t, fc.uint8Array({ maxLength: 300 }), check);
  t.end();
});

const name = fc.oneof(
  fc.constantFrom('0', '7', '8', 'numtasks', 'limit', 'id', 'tasks', 'description', '.', '..', '', 'a/b'),
  fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.replaceAll('\0', '')),
);
const text = fc.oneof(
  fc.constantFrom('1', '200\n', '-1', ''),
  fc.string({ unit: 'binary', maxLength: 5000 }),
);
const word = fc.oneof(fc.nat(20), fc.constantFrom(0x7fffffff, 0x80000000, 0xffffffff), fc.nat(0xffffffff));
const wide = fc.oneof(fc.bigInt(0n, 200n), fc.bigInt(0n, 2n ** 64n - 1n));
const words = (count: number) =>
  fc.array(word, { minLength: count, maxLength: count }).map((values) => u32(...values));
const wides = (count: number) =>
  fc.array(wide, { minLength: count, maxLength: count }).map((values) => u64(...values));
const bytes = (arbitrary: fc.Arbitrary<string>) => arbitrary.map((value) => Buffer.from(value));
const terminated = name.map(named);

/** The body of each request as the kernel lays it out. Source: Linux include/uapi/linux/fuse.h. */
const bodies: Readonly<Record<number, fc.Arbitrary<Buffer>[]>> = {
  1: [terminated], // LOOKUP
  2: [wides(1)], // FORGET
  3: [words(2), wides(1)], // GETATTR
  4: [words(2), wides(6), words(8)], // SETATTR
  6: [terminated, terminated], // SYMLINK
  8: [words(4), terminated], // MKNOD
  9: [words(2), terminated], // MKDIR
  10: [terminated], // UNLINK
  11: [terminated], // RMDIR
  12: [wides(1), terminated, terminated], // RENAME
  13: [wides(1), terminated], // LINK
  14: [words(2)], // OPEN
  15: [wides(2), words(2), wides(1), words(2)], // READ
  16: [wides(2), text.map((value) => u32(Buffer.byteLength(value), 0)), wides(1), words(2), bytes(text)], // WRITE
  17: [], // STATFS
  18: [wides(1), words(2), wides(1)], // RELEASE
  20: [wides(1), words(2)], // FSYNC
  21: [words(2), terminated, bytes(text)], // SETXATTR
  22: [words(2), terminated], // GETXATTR
  23: [words(2)], // LISTXATTR
  25: [wides(3)], // FLUSH
  26: [words(4)], // INIT
  27: [words(2)], // OPENDIR
  28: [wides(2), words(2), wides(1), words(2)], // READDIR
  29: [wides(1), words(2), wides(1)], // RELEASEDIR
  34: [words(2)], // ACCESS
  35: [words(4), terminated], // CREATE
  36: [wides(1)], // INTERRUPT
  38: [], // DESTROY
  39: [wides(1), words(2), wides(1), words(2)], // IOCTL
  40: [wides(2), words(2)], // POLL
  42: [words(2), wides(6)], // BATCH_FORGET
  43: [wides(3), words(2)], // FALLOCATE
  44: [wides(2), words(2), wides(1), words(2)], // READDIRPLUS
  45: [wides(1), words(2), terminated, terminated], // RENAME2
  46: [wides(2), words(2)], // LSEEK
};

const orderly = fc
  .tuple(fc.constantFrom(...Object.keys(bodies).map(Number)), fc.oneof(fc.bigInt(0n, 200n), wide))
  .chain(([opcode, nodeid]) =>
    fc.tuple(...(bodies[opcode] ?? [])).map((body) => request(opcode, nodeid, body)),
  );

t.test('sequences of requests that are laid out as the kernel’s', (t) => {
  always(t, fc.array(orderly, { maxLength: 10 }), (kernel, sequence) => {
    for (const each of sequence) check(kernel, each);
  });
  t.end();
});

const recording = JSON.parse(readFileSync(`${root}test/fixtures/recorded-requests.json`, 'utf8')) as {
  readonly exchanges: readonly { readonly request: string }[];
};
const recorded = recording.exchanges.map(({ request }) => Buffer.from(request, 'base64'));

const mutation = fc.oneof(
  fc.record({ at: fc.nat(), value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)) }),
  fc.record({ cut: fc.nat() }),
  fc.record({ more: fc.uint8Array({ maxLength: 50 }) }),
);

t.test('recorded requests with something changed', (t) => {
  const mutated = fc
    .tuple(fc.constantFrom(...recorded), fc.array(mutation, { minLength: 1, maxLength: 6 }), fc.boolean())
    .map(([whole, mutations, saysSo]) => {
      let result = Buffer.from(whole);
      for (const each of mutations) {
        if ('cut' in each) result = result.subarray(0, result.length - (each.cut % 20));
        else if ('more' in each) result = Buffer.concat([result, each.more]);
        else result[each.at % result.length] = each.value;
      }
      // Else nearly all of them would end at their length.
      if (saysSo && result.length >= 4) result.writeUInt32LE(result.length, 0);
      return result;
    });
  always(t, mutated, check);
  t.end();
});
