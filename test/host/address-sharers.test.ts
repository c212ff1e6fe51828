import t, { type Test } from 'tap';
import { addressSharers } from '../../lib/host/address-sharers.js';
import { samplingCalls } from '../../lib/host/native.js';
import { live, needsCgroup } from '../fixtures/live.js';
import { needsPython, sharer } from '../fixtures/processes.js';
import { recordedRoot, type Files } from '../fixtures/recorded-root.js';
import { echo, must } from '../fixtures/shelf.js';

/** Processes by pid: their parent, and by thread the children that it made. */
type Family = Readonly<Record<number, { parent: number; made: Readonly<Record<number, readonly number[]>> }>>;

const family: Family = {
  1: { parent: 0, made: { 1: [10, 50] } },
  10: { parent: 1, made: { 10: [20], 12: [30] } },
  20: { parent: 10, made: { 20: [40] } },
  30: { parent: 10, made: { 30: [] } },
  40: { parent: 20, made: { 40: [] } },
  50: { parent: 1, made: { 50: [] } },
};

function recordedFamily(t: Test, lists: boolean): string {
  const files: Record<string, string> = { 'self/': '', uptime: '' } satisfies Files;
  for (const [pid, { parent, made }] of Object.entries(family)) {
    files[`${pid}/stat`] = `${pid} (a (b) 9 9) S ${parent} 1 1`;
    for (const [tid, children] of Object.entries(made)) {
      files[`${pid}/task/${tid}/`] = '';
      if (lists) files[`${pid}/task/${tid}/children`] = children.map((child) => `${child} `).join('');
    }
  }
  return recordedRoot(t, files);
}

for (const lists of [true, false]) {
  t.test(`whoever shares is found on a kernel that ${lists ? 'lists' : 'does not list'} children`, (t) => {
    const proc = recordedFamily(t, lists);
    const sharing = (...pids: number[]) => {
      return (pid: number, other: number) => pids.includes(pid) && pids.includes(other);
    };
    t.strictSame(addressSharers(proc, 10, sharing()), [10], 'nobody');
    t.strictSame(addressSharers(proc, 10, sharing(10, 20)), [10, 20], 'a child');
    t.strictSame(addressSharers(proc, 20, sharing(10, 20)), [20, 10], 'its parent');
    t.strictSame(addressSharers(proc, 10, sharing(10, 30)), [10, 30], 'the child of another thread');
    const all = addressSharers(proc, 40, sharing(10, 20, 30, 40));
    t.equal(all[0], 40, 'the one that was asked for comes first');
    t.strictSame(
      all.toSorted((a, b) => a - b),
      [10, 20, 30, 40],
    );
    t.strictSame(addressSharers(proc, 1, () => true).length, 6);
    t.strictSame(
      addressSharers(proc, 99, () => true),
      [99],
      'one that has gone',
    );
    t.end();
  });
}

for (const maker of ['process', 'thread'] as const) {
  t.test(
    `a ${maker} and whom it made with CLONE_VM move together`,
    { ...needsPython, ...needsCgroup },
    async (t) => {
      const calls = samplingCalls();
      const sharersOf = (pid: number) =>
        addressSharers('/proc', pid, (one, other) => calls.sharesMemory(one, other));
      const { pid, child } = await sharer(t, maker);
      t.strictSame(
        [sharersOf(pid), sharersOf(child)],
        [
          [pid, child],
          [child, pid],
        ],
      );
      t.strictSame(sharersOf(process.pid), [process.pid]);
      const { tree, machine } = live(t, { sharersOf });
      must(tree.mkdir(tree.root, '1'));
      for (const [named, id] of [
        [pid, '1'],
        [pid, '0'],
        [child, '1'],
      ] as const) {
        echo(tree, `${named}`, `/${id}/tasks`);
        const inside = machine.members!.processes(1).toSorted((a, b) => a - b);
        t.strictSame(inside, id === '1' ? [pid, child].toSorted((a, b) => a - b) : []);
      }
      echo(tree, `${pid}`, '/0/tasks');
    },
  );
}
