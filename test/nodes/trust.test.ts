import t from 'tap';
import { Registry } from '../../lib/bc/registry.js';
import type { Source } from '../../lib/bc/source.js';
import { errno, type Caller } from '../../lib/errors.js';
import { beancounterTree, type BeancountersOptions } from '../../lib/nodes/subsystem.js';
import { attributeAt, must } from '../fixtures/shelf.js';

/** A tree whose source notes who moves tasks. */
function noting(options: BeancountersOptions = {}) {
  const moves: (Caller | undefined)[] = [];
  const note: Source['move'] = (_pid, _bc, caller) => moves.push(caller);
  const tree = beancounterTree(new Registry(), { ...options, source: { move: note, moveThread: note } });
  must(tree.mkdir(tree.root, '1'));
  return { tree, moves };
}

/** What has been done to the file, how the tree was made, and whether a write by somebody unknown is taken. */
const cases: Record<
  string,
  { options?: BeancountersOptions; chown?: number; chmod?: number; isTaken: boolean }
> = {
  "root's": { isTaken: true },
  'given to a user': { chown: 1000, isTaken: false },
  'given back': { chown: 0, options: { uid: 1000 }, isTaken: true },
  'given to a group': { chmod: 0o620, isTaken: false },
  'given to all': { chmod: 0o602, isTaken: false },
  'readable for all': { chmod: 0o644, isTaken: true },
  "a user's from the start": { options: { uid: 1000 }, isTaken: false },
  "the mover's own": { options: { uid: 1000, mover: 1000 }, isTaken: true },
  "another's than the mover": { options: { uid: 1001, mover: 1000 }, isTaken: false },
  "the mover's, given to another": { options: { uid: 1000, mover: 1000 }, chown: 1001, isTaken: false },
  'given to a user, with trust': { options: { trust: true }, chown: 1000, isTaken: true },
};

for (const [what, { options, chown, chmod, isTaken }] of Object.entries(cases)) {
  for (const name of ['tasks', 'threads']) {
    t.test(`${name} that is ${what}, written by somebody unknown`, (t) => {
      const { tree, moves } = noting(options);
      const file = attributeAt(tree, `/1/${name}`);
      if (chown !== undefined) t.equal(tree.chown(file, chown, -1), 0);
      if (chmod !== undefined) t.equal(tree.chmod(file, chmod), 0);
      const answer = must(tree.open(file, 1)).write(Buffer.from('10'));
      t.equal(answer, isTaken ? 2 : -errno.EPERM);
      t.strictSame(moves, isTaken ? [undefined] : []);
      t.end();
    });
  }
}

t.test('whoever is known is told to the source, which looks whose task it is', (t) => {
  const root = { uid: 0, gid: 0, pid: 10 };
  const user = { uid: 1000, gid: 100, pid: 20 };
  const { tree, moves } = noting();
  const file = attributeAt(tree, '/1/tasks');
  t.equal(tree.chown(file, 1000, -1), 0);
  for (const [opener, writer, mover] of [
    [root, root, root],
    [user, user, user],
    [user, root, { ...user, pid: 10 }],
    [root, user, user],
    [undefined, user, user],
  ] as const) {
    must(tree.open(file, 1, opener)).write(Buffer.from('30'), writer);
    t.strictSame(moves.pop(), mover, `opened by ${opener?.uid ?? '?'}, written by ${writer.uid}`);
  }
  t.end();
});
