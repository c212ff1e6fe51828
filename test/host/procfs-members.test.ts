import { mkdirSync, rmSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { Groups } from '../../lib/host/groups.js';
import { ProcReader } from '../../lib/host/process-reader.js';
import { groupMembers, ProcfsMembers } from '../../lib/host/procfs-members.js';
import { put, recordedRoot } from '../fixtures/recorded-root.js';

function groups(places: ReadonlyMap<number, { processes: number[]; threads: number[] }>) {
  const looked: number[] = [];
  const place = (id: number) => {
    const found = places.get(id);
    if (!found) throw new Error('ENOENT');
    return found;
  };
  const threads = (id: number) => {
    looked.push(id);
    return place(id).threads;
  };
  return { looked, groups: { threads, processes: (id: number) => place(id).processes } as unknown as Groups };
}

t.test('a process is a member where its first thread is', (t) => {
  const { groups: kernel } = groups(new Map([[1, { processes: [10, 20], threads: [10, 11, 21] }]]));
  const members = groupMembers(kernel);
  t.same(members.read([1, 2]), new Map([[1, { processes: [10], tasks: 3 }]]), 'group 2 has gone');
  t.equal(members.pairs(), undefined);
  t.end();
});

t.test('a group that was empty is looked at in one of 64 samples', (t) => {
  const places = new Map([
    [1, { processes: [10], threads: [10] }],
    [2, { processes: [], threads: [] as number[] }],
  ]);
  const { groups: kernel, looked } = groups(places);
  const members = groupMembers(kernel);
  t.same(members.read([1, 2]).get(2), { processes: [], tasks: 0 }, 'all are looked at first');
  looked.length = 0;
  for (let i = 0; i < 64; i += 1) members.read([1, 2]);
  t.equal(looked.filter((id) => id === 1).length, 64);
  t.equal(looked.filter((id) => id === 2).length, 1);
  t.end();
});

t.test('a group that a task was moved to is looked at at once, and as long as it has tasks', (t) => {
  const empty = { processes: [] as number[], threads: [] as number[] };
  const places = new Map([[2, empty]]);
  const members = groupMembers(groups(places).groups);
  members.read([2]);
  places.set(2, { processes: [10], threads: [10] });
  t.equal(members.read([2]).size, 0);
  members.move(10, 2);
  for (let i = 0; i < 3; i += 1) t.same(members.read([2]).get(2), { processes: [10], tasks: 1 });
  places.set(2, empty);
  t.same(members.read([2]).get(2), { processes: [], tasks: 0 });
  t.equal(members.read([2]).size, 0);
  t.end();
});

/** A /proc in which processes come and go. */
function procfs(t: Test) {
  const root = recordedRoot(t, { uptime: '1 1\n' });
  const fork = (pid: number, parent: number, start = 100 + pid, threads = [pid]) => {
    put(root, {
      [`${pid}/stat`]: `${pid} (a) S ${parent} ${'0 '.repeat(17)}${start} 0\n`,
      [`${pid}/statm`]: '9 3 2 1 0 5 0\n',
    });
    for (const tid of threads) mkdirSync(`${root}/${pid}/task/${tid}`, { recursive: true });
  };
  const exit = (pid: number) => rmSync(`${root}/${pid}`, { recursive: true });
  const members = new ProcfsMembers({ reader: new ProcReader({ root }), root });
  const of = (id: number) => [...members.read([id]).get(id)!.processes].sort((a, b) => a - b);
  return { root, fork, exit, members, of };
}

t.test('without cgroups a process is where its parent was, unless it was there before the move', (t) => {
  const { fork, members, of } = procfs(t);
  fork(1, 0);
  fork(10, 1);
  fork(11, 10);
  t.same(of(0), [1, 10, 11]);
  members.move(10, 5);
  fork(9, 12); // listed before its parent
  fork(12, 10);
  t.same(of(5), [9, 10, 12]);
  t.same(of(0), [1, 11]);
  t.same([...members.pairs()].sort(), [
    [10, 5],
    [12, 5],
    [9, 5],
  ]);
  members.move(99, 5);
  t.same(of(5), [9, 10, 12], 'no such process');
  t.end();
});

t.test('without cgroups the child of a parent that has ended is where the parent was', (t) => {
  const { fork, exit, members, of } = procfs(t);
  fork(1, 0);
  fork(10, 1);
  members.move(10, 5);
  exit(10);
  fork(11, 10);
  t.same(of(5), [11]);
  t.end();
});

t.test(
  'without cgroups a double fork between two samples is lost, and a pid that is used again is new',
  (t) => {
    const { fork, exit, members, of } = procfs(t);
    fork(1, 0);
    fork(10, 1);
    members.move(10, 5);
    fork(12, 1); // its parent, a child of 10, was never seen
    t.same(of(5), [10]);
    exit(10);
    fork(10, 1, 999);
    t.same(of(5), []);
    t.same(of(0), [1, 10, 12]);
    t.end();
  },
);

t.test('without cgroups the threads of a process are counted, and one without any is none', (t) => {
  const { root, fork, members } = procfs(t);
  fork(10, 0, 7, [10, 11, 12]);
  fork(20, 0);
  put(root, { '30/nothing': '' }); // vanished after it was listed
  rmSync(`${root}/20/task`, { recursive: true });
  t.equal(members.read([0, 3]).get(0)?.tasks, 3);
  t.same(members.read([3]).get(3), { processes: [], tasks: 0 });
  t.end();
});
