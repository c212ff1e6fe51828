import t from 'tap';
import { FileTable } from '../../lib/host/file-table.js';
import type { FileOrder } from '../../lib/host/native.js';

/** Descriptors of made-up processes: `pid:fd` to the address of the file and its target. */
function machine() {
  const open = new Map<string, readonly [address: number, target: string]>();
  const table = new FileTable(
    {
      compareFiles(pid, fd, otherPid, otherFd): FileOrder {
        const [one] = open.get(`${pid}:${fd}`) ?? [];
        const [other] = open.get(`${otherPid}:${otherFd}`) ?? [];
        if (one === undefined || other === undefined) return undefined;
        return one === other ? 'equal' : one < other ? 'less' : 'greater';
      },
    },
    (pid, fd) => open.get(`${pid}:${fd}`)?.[1],
  );
  const seen = (pid: number) =>
    new Map(
      [...open].flatMap(([key, [, target]]) => {
        const [owner, fd] = key.split(':').map(Number);
        return owner === pid ? [[fd!, target] as const] : [];
      }),
    );
  const list = (pid: number, owner: number) => table.list(pid, seen(pid), () => owner);
  return { open, table, seen, list };
}

t.test('files of one target are told apart, and each counts once', (t) => {
  const { open, table, list } = machine();
  for (let fd = 0; fd < 50; fd++) open.set(`1:${fd}`, [(fd * 7) % 25, '/dev/null']);
  list(1, 1);
  t.equal(table.held(1), 25);
  t.same(table.descriptors(1).slice(0, 3), [0, 1, 2]);
  table.forget(1);
  t.equal(table.held(1), 0);
  t.end();
});

t.test('a file stays with whom it was found, whichever of parent and child is looked at first', (t) => {
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const { open, table, list } = machine();
    open.set('1:3', [9, '/log']);
    open.set('2:3', [9, '/log']);
    for (const pid of order) list(pid, 5);
    t.equal(table.held(5), 1);
    table.forget(order[0]!);
    t.equal(table.held(5), 1, 'the other has it still');
    t.equal(table.hasOthers(order[1]!, 5), false);
    t.equal(table.hasOthers(order[1]!, 6), true);
  }
  t.end();
});

t.test('what is redirected while it is listed is counted at the next look', (t) => {
  const { open, table, seen, list } = machine();
  open.set('1:3', [1, '/a']);
  const listed = seen(1);
  open.set('1:3', [2, '/b']);
  table.list(1, listed, () => 1);
  t.equal(table.held(1), 0);
  list(1, 1);
  t.equal(table.held(1), 1);
  t.end();
});

t.test('a file that is not open any more where it was seen is not compared with', (t) => {
  const { open, table, list } = machine();
  open.set('1:3', [1, '/a']);
  list(1, 1);
  open.delete('1:3');
  open.set('2:3', [2, '/a']);
  list(2, 2);
  t.equal(table.held(1), 0);
  t.equal(table.held(2), 1);
  t.same(table.descriptors(1), []);
  t.end();
});

t.test('a descriptor that was closed while it was listed is not counted', (t) => {
  const { open, table, seen, list } = machine();
  open.set('1:3', [1, '/a']);
  list(1, 1);
  open.set('2:3', [2, '/a']);
  const listed = seen(2);
  open.delete('2:3');
  table.list(2, listed, () => 2);
  t.equal(table.held(2), 0);
  t.end();
});

t.test('a file that is deleted is the one it was; one with another target is another', (t) => {
  const { open, table, list } = machine();
  open.set('1:3', [1, '/a']);
  list(1, 1);
  open.set('1:3', [1, '/a (deleted)']);
  list(1, 2);
  t.equal(table.held(1), 1);
  open.set('1:3', [2, '/b']);
  list(1, 2);
  t.equal(table.held(1), 0);
  t.equal(table.held(2), 1);
  t.end();
});

t.test('what a process would give back if it had but some descriptors', (t) => {
  const { open, table, list } = machine();
  open.set('1:3', [1, '/a']);
  open.set('1:4', [2, '/b']);
  open.set('1:5', [2, '/b']);
  open.set('1:6', [3, '/c']);
  open.set('2:6', [3, '/c']);
  list(1, 7);
  list(2, 7);
  open.set('1:9', [4, '/d']);
  list(1, 8);
  t.equal(table.closedBut(1, 7, [3, 4, 5, 6, 9]), 0);
  t.equal(table.closedBut(1, 7, [3]), 1, '/b; another process has /c, and /d is not of this beancounter');
  t.equal(table.closedBut(1, 7, [5]), 1, '/a; a descriptor of /b stays');
  t.equal(table.closedBut(1, 7, []), 2);
  t.equal(table.closedBut(3, 7, []), 0, 'no such process');
  t.end();
});

t.test('within a turn an order is believed, and that it is the same file is not', (t) => {
  const { open, table, list } = machine();
  for (let fd = 0; fd < 8; fd++) open.set(`1:${fd}`, [fd, '/log']);
  list(1, 1);
  open.set('2:0', [3, '/log']);
  // Redirected since: what has its number now is no witness.
  open.set('1:3', [3, '/other']);
  list(2, 2);
  t.equal(table.held(2), 1);
  table.nextTurn();
  list(1, 1);
  t.equal(table.held(1), 8, '/other is one of them');
  t.end();
});
