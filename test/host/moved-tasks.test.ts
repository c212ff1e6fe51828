import t from 'tap';
import { MovedTasks } from '../../lib/host/moved-tasks.js';

const task = (tid: number, start = '7', tgid = tid) => ({ tid, tgid, start });

t.test('a task that moved counts in one beancounter and is charged to another', (t) => {
  const moved = new MovedTasks();
  t.strictSame(moved.move(task(10), 0, 1), { ...task(10), charged: 0, inside: 1 });
  t.strictSame([moved.inside(1), moved.outside(1), moved.inside(0), moved.outside(0)], [1, 0, 0, 1]);
  t.strictSame(moved.move(task(10), 1, 2), { ...task(10), charged: 0, inside: 2 }, 'charged where it began');
  t.strictSame([moved.inside(1), moved.inside(2), moved.outside(0)], [0, 1, 1]);
  t.equal(moved.size, 1);
  t.equal(moved.find(10)?.inside, 2);
  t.end();
});

t.test('a task that is back is known no more', (t) => {
  const moved = new MovedTasks();
  moved.move(task(10), 1, 2);
  t.equal(moved.move(task(10), 2, 1), undefined);
  t.strictSame([moved.size, moved.inside(2), moved.outside(1), moved.find(10)], [0, 0, 0, undefined]);
  t.end();
});

t.test('another task of the same number is charged where it is', (t) => {
  for (const other of [task(10, '8'), task(10, '7', 9)]) {
    const moved = new MovedTasks();
    moved.move(task(10), 1, 2);
    t.strictSame(moved.move(other, 3, 4), { ...other, charged: 3, inside: 4 });
    t.strictSame([moved.inside(2), moved.outside(1), moved.inside(4), moved.outside(3)], [0, 0, 1, 1]);
  }
  t.end();
});

t.test('those of a beancounter are those inside and those charged to it', (t) => {
  const moved = new MovedTasks();
  moved.move(task(10), 1, 2);
  moved.move(task(11), 3, 1);
  moved.move(task(12), 3, 2);
  t.strictSame(
    [...moved.of(1)].map(({ tid }) => tid),
    [11, 10],
  );
  t.strictSame([...moved.of(9)], []);
  t.strictSame(
    [...moved].map(({ tid }) => tid),
    [10, 11, 12],
  );
  moved.delete(moved.find(12)!);
  t.strictSame([moved.inside(2), moved.outside(3)], [1, 1]);
  t.end();
});
