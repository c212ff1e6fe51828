import { GCProfiler, getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Severity, type Counter } from '../../lib/bc/counter.js';
import { MAXVALUE } from '../../lib/bc/value.js';
import { engine } from './engine.js';

const PAIRS = 1_000_000;

/** Bytes. What measuring itself allocates stays below it; one word for each pair would be 8 MB. */
const NOISE = 64 * 1024;

/** A compilation may end, or a collection begin, in the midst of one run, but not in each of so many. */
const ATTEMPTS = 20;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function youngBytes(): number {
  return getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')!.space_used_size;
}

/** The bytes that a run left in the young generation; Infinity if they were so many that some were collected. */
function allocated(run: () => void): number {
  collect();
  const profiler = new GCProfiler();
  profiler.start();
  const before = youngBytes();
  run();
  const after = youngBytes();
  return profiler.stop().statistics.length > 0 ? Infinity : after - before;
}

function least(run: () => void): number {
  run();
  run();
  let bytes = Infinity;
  for (let attempt = 0; attempt < ATTEMPTS && bytes > NOISE; attempt += 1) {
    bytes = Math.min(bytes, allocated(run));
  }
  return bytes;
}

function pairs(counters: readonly Counter[], val: number, severity: Severity): void {
  for (let pair = 0; pair < PAIRS; pair += counters.length) {
    for (const counter of counters) {
      counter.tryCharge(val, severity);
      counter.uncharge(val);
    }
  }
}

/** The five counters of 100 beancounters. */
function counters(): Counter[] {
  const { registry } = engine();
  return Array.from({ length: 100 }, (_, index) => registry.get(index + 1).counters).flat();
}

t.test('what is measured sees one small object for each pair', (t) => {
  const kept: object[] = [{}];
  const bytes = allocated(() => {
    for (let pair = 0; pair < PAIRS; pair += 1) kept[0] = { pair };
  });
  t.ok(bytes > PAIRS * 8, `${bytes} bytes`);
  t.end();
});

for (const [name, severity] of Object.entries(Severity)) {
  t.test(`a charge with ${name} and its uncharge allocate nothing`, (t) => {
    const all = counters();
    const bytes = least(() => pairs(all, 1, severity));
    t.ok(bytes <= NOISE, `${bytes} bytes for ${PAIRS} pairs`);
    t.equal(all[0]!.held, 0);
    t.equal(all[0]!.maxheld, 1);
    t.end();
  });
}

t.test('a charge above the barrier allocates nothing, granted or refused', (t) => {
  // The limit-hit hook of physpages looks for pages, and may allocate.
  const all = counters().filter((counter) => !counter.resource.limitHit);
  for (const counter of all) {
    counter.change(0, 5);
    counter.charge(5, Severity.FORCE);
    counter.uncharge(5);
  }
  for (const [name, severity] of Object.entries(Severity)) {
    const bytes = least(() => {
      for (let pair = 0; pair < PAIRS; pair += all.length) {
        for (const counter of all) if (counter.tryCharge(3, severity)) counter.uncharge(3);
      }
    });
    t.ok(bytes <= NOISE, `${name}: ${bytes} bytes`);
  }
  t.end();
});

t.test('counts beyond 32 bits allocate nothing', (t) => {
  for (const [held, val] of [
    [2 ** 33, 4096],
    [2 ** 33, 2 ** 32 - 1],
    [0, 2 ** 31],
  ] as const) {
    const all = counters();
    for (const counter of all) {
      counter.change(MAXVALUE, MAXVALUE);
      counter.charge(held, Severity.BARRIER);
    }
    const bytes = least(() => pairs(all, val, Severity.BARRIER));
    t.ok(bytes <= NOISE, `${val} on ${held}: ${bytes} bytes`);
  }
  t.end();
});
