import { readFileSync } from 'node:fs';
import t from 'tap';
import { numtasks } from '../../../lib/bc/resources/numtasks.js';
import { Registry } from '../../../lib/bc/registry.js';
import { opcodeName } from '../../../lib/fuse/protocol/opcode.js';
import { beancounterTree } from '../../../lib/nodes/subsystem.js';
import { root } from '../../fixtures/command.js';
import { Kernel } from '../../fixtures/kernel.js';

const EPERM = -1;
const ENOENT = -2;
const EACCES = -13;
const EINVAL = -22;
const ENOSYS = -38;

/** Made by test/fixtures/record-requests.js: what a kernel asked a mount, and took for an answer; base64. */
interface Recording {
  readonly kernel: string;
  readonly now: number;
  readonly validity: number;
  readonly exchanges: readonly { readonly request: string; readonly reply?: string }[];
}

const path = `${root}test/fixtures/recorded-requests.json`;
const recording = JSON.parse(readFileSync(path, 'utf8')) as Recording;
const exchanges = recording.exchanges.map(({ request, reply }) => ({
  request: Buffer.from(request, 'base64'),
  reply: reply === undefined ? undefined : Buffer.from(reply, 'base64'),
}));

t.test(`what Linux ${recording.kernel} asked is answered as it was, byte by byte`, (t) => {
  const now = () => recording.now;
  const tree = beancounterTree(new Registry({ resources: [numtasks] }), { now });
  const kernel = new Kernel(tree, { now, validity: recording.validity });
  for (const [i, { request, reply }] of exchanges.entries()) {
    const name = opcodeName(request.readUInt32LE(4));
    t.equal(kernel.give(request)?.toString('hex'), reply?.toString('hex'), `${i}: ${name}`);
  }
  t.strictSame(kernel.log, []);
  t.end();
});

t.test('the recording has what a session of ls, mkdir, cat, echo and the like asks', (t) => {
  const asked = new Map<string, Set<number>>();
  for (const { request, reply } of exchanges) {
    const name = opcodeName(request.readUInt32LE(4));
    asked.set(name, (asked.get(name) ?? new Set()).add(reply?.readInt32LE(4) ?? NaN));
  }
  const errors = [...asked].map(([name, errors]) => [name, [...errors].sort((a, b) => b - a)]);
  t.match(Object.fromEntries(errors), {
    INIT: [0],
    LOOKUP: [0, ENOENT],
    GETATTR: [0],
    SETATTR: [0],
    SYMLINK: [EPERM],
    MKNOD: [EPERM],
    MKDIR: [0],
    UNLINK: [EPERM],
    RMDIR: [0, EPERM],
    RENAME2: [EPERM],
    LINK: [EPERM],
    OPEN: [0, EACCES],
    READ: [0],
    WRITE: [0, EINVAL],
    STATFS: [0],
    RELEASE: [0],
    FSYNC: [EINVAL],
    OPENDIR: [ENOSYS],
    READDIRPLUS: [0],
    CREATE: [EACCES],
  });
  t.end();
});

t.test('the values that were read are those of the tree', (t) => {
  const read = exchanges
    .filter(({ request }) => request.readUInt32LE(4) === 15)
    .map(({ reply }) => reply!.toString('utf8', 16));
  t.strictSame(
    read.filter((text) => text !== ''),
    ['7\n', '0\n', '300\n', '7', '7\n'],
  );
  t.end();
});
