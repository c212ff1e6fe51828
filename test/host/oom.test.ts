import t from 'tap';
import { kernelPressure, SecondLevel } from '../../lib/host/oom.js';
import { put, recordedRoot } from '../fixtures/recorded-root.js';

const memory = (full: string) => ({
  'pressure/memory':
    'some avg10=99.00 avg60=50.00 avg300=9.00 total=1234\n' +
    `full avg10=${full} avg60=50.00 avg300=9.00 total=567\n`,
});

t.test('the machine is short when all tasks wait a tenth of the time', (t) => {
  const proc = recordedRoot(t, memory('0.00'));
  const pressure = kernelPressure(proc)!;
  for (const [full, isShort] of [
    ['0.00', false],
    ['9.99', false],
    ['10.00', true],
    ['87.31', true],
  ] as const) {
    put(proc, memory(full));
    t.equal(pressure(), isShort, full);
  }
  put(proc, { 'pressure/memory': 'some avg10=99.00 avg60=50.00 avg300=9.00 total=1234\n' });
  t.equal(pressure(), false, 'a kernel that does not tell of all tasks');
  t.end();
});

t.test('a kernel without pressure information tells nothing', (t) => {
  t.equal(kernelPressure(recordedRoot(t, {})), undefined);
  t.end();
});

/** A second level over beancounters with these pages above their barriers, and a heaviest process each. */
function level(above: Record<number, number>, heaviest: Record<number, number>) {
  const killed: [id: number, pid: number][] = [];
  const machine = { isShort: true };
  const second = new SecondLevel(() => machine.isShort, {
    aboveBarrier: () => Object.entries(above).map(([id, pages]) => ({ id: Number(id), pages })),
    heaviest: (id) => heaviest[id],
    kill: (id, pid) => void killed.push([id, pid]),
  });
  return { second, killed, machine };
}

t.test('the heaviest of the one most above its barrier is killed, and then there is a pause', (t) => {
  const { second, killed, machine } = level({ 1: 10, 2: 300, 3: 20 }, { 1: 11, 2: 22, 3: 33 });
  machine.isShort = false;
  second.tick(0);
  t.strictSame(killed, []);
  machine.isShort = true;
  for (const now of [1000, 1001, 2999]) second.tick(now);
  t.strictSame(killed, [[2, 22]]);
  second.tick(3000);
  t.strictSame(killed, [
    [2, 22],
    [2, 22],
  ]);
  t.end();
});

t.test('one that has no process any more is passed over', (t) => {
  const { second, killed } = level({ 1: 10, 2: 300 }, { 1: 11 });
  second.tick(0);
  t.strictSame(killed, [[1, 11]]);
  const none = level({ 2: 300 }, {});
  none.second.tick(0);
  const nobody = level({}, { 1: 11 });
  nobody.second.tick(0);
  t.strictSame([none.killed, nobody.killed], [[], []]);
  t.end();
});
