import t from 'tap';
import { Line } from '../../lib/fuse/line.js';

/** More than are looked at together. */
const MANY = 300;

function line() {
  const told: boolean[] = [];
  const one = new Line((isThere) => told.push(isThere));
  /** So many requests of clients in turn, each of whom is waited for if there are pauses. */
  const serve = (clients: readonly number[], { pauses }: { pauses: boolean }) => {
    for (let i = 0; i < MANY; i += 1) {
      one.answered(clients[i % clients.length]!);
      if (!pauses) continue;
      one.pause();
      one.pause();
    }
  };
  return { told, serve };
}

const crowd = Array.from({ length: 16 }, (_, i) => 100 + i);

t.test('many clients whose requests are always there are a line, and it is told once', (t) => {
  const { told, serve } = line();
  serve(crowd, { pauses: false });
  serve(crowd, { pauses: false });
  t.strictSame(told, [true]);
  t.end();
});

t.test('it is gone when the server has to wait, or when one client is left', (t) => {
  for (const [clients, pauses] of [
    [crowd, true],
    [[100], false],
    [[100], true],
  ] as const) {
    const { told, serve } = line();
    serve(crowd, { pauses: false });
    serve(clients, { pauses });
    serve(clients, { pauses });
    t.strictSame(told, [true, false]);
    serve(crowd, { pauses: false });
    t.strictSame(told, [true, false, true]);
  }
  t.end();
});

t.test('one client is none, whose RELEASE comes without a pid, and who has always asked already', (t) => {
  const { told, serve } = line();
  serve([100], { pauses: false });
  serve([100, 0], { pauses: false });
  serve([100, 100, 0], { pauses: true });
  t.strictSame(told, []);
  t.end();
});
