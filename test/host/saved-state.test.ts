import t from 'tap';
import { SavedState, type StateLine } from '../../lib/host/saved-state.js';

const moved = { tid: 10, tgid: 10, start: '7', charged: 1, inside: 2 };

t.test('the last line about something is what holds', (t) => {
  const state = new SavedState([
    { bc: 1, seen: true },
    { bc: 2, seen: true },
    { bc: 1, resource: 'numtasks', barrier: '3', limit: '4' },
    { bc: 1, resource: 'numtasks', barrier: '5', limit: '9223372036854775807' },
    { bc: 1, resource: 'numtasks', maxheld: 3, failcnt: 1 },
    { bc: 1, resource: 'numtasks', maxheld: 4, failcnt: 2 },
    { bc: 2, seen: false },
  ]);
  t.strictSame([...state.ids], [1, 2]);
  t.strictSame([state.isSeen(1), state.isSeen(2)], [true, false]);
  t.strictSame(state.parameters(1, 'numtasks'), { barrier: 5n, limit: 9223372036854775807n });
  t.match(state.counts(1, 'numtasks'), { maxheld: 4, failcnt: 2 });
  t.equal(state.parameters(1, 'numfiles'), undefined);
  t.equal(state.counts(2, 'numtasks'), undefined);
  t.end();
});

t.test('of a beancounter that has gone nothing is known, and of its like nothing is lost', (t) => {
  const lines: StateLine[] = [1, 11].flatMap((bc) => [
    { bc, seen: false },
    { bc, resource: 'numtasks', barrier: '3', limit: '4' },
    { bc, resource: 'numtasks', maxheld: 3, failcnt: 1 },
  ]);
  const state = new SavedState([...lines, { bc: 1, gone: true }]);
  t.strictSame([...state.ids], [11]);
  t.equal(state.isSeen(1), true, 'a group of that name would have a directory');
  t.strictSame([state.parameters(1, 'numtasks'), state.counts(1, 'numtasks')], [undefined, undefined]);
  t.match(state.parameters(11, 'numtasks'), { limit: 4n });
  t.match(state.counts(11, 'numtasks'), { maxheld: 3 });
  t.end();
});

t.test('a task is moved until it is back', (t) => {
  const again = { ...moved, inside: 3 };
  t.strictSame([...new SavedState([{ moved }, { moved: again }]).moved], [again]);
  t.strictSame([...new SavedState([{ moved }, { back: 10 }, { back: 11 }]).moved], []);
  t.end();
});
