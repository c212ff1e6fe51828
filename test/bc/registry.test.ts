import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { MAXID, Registry } from '../../lib/bc/registry.js';
import { numtasks } from '../../lib/bc/resources/numtasks.js';
import { engine } from './engine.js';

t.test('a beancounter is found, or created, and a reference is taken either way', (t) => {
  const { registry } = engine();
  t.equal(registry.find(1), undefined);
  const made = registry.get(1);
  t.equal(made.references, 1);
  const found = registry.get(1);
  t.equal(found, made);
  t.equal(made.references, 2);
  t.equal(registry.find(1), made);
  t.equal(made.references, 2, 'find takes none');
  t.end();
});

t.test('no two ids are one beancounter', (t) => {
  const ids = [...new Set([0, 1, 2, 5, 13].flatMap((low) => ids32(low)))];
  const { registry } = engine();
  for (const id of ids) registry.get(id);
  t.equal(registry.size, ids.length);
  for (const [index, id] of ids.entries()) {
    t.equal(registry.find(id)?.id, id);
    registry.find(id)!.counter(numtasks).charge(index, Severity.FORCE);
  }
  for (const [index, id] of ids.entries()) t.equal(registry.find(id)!.counter(numtasks).held, index, `${id}`);
  t.end();
});

/** Ids with the same low bits, the same high bits, and the same rest by small numbers. */
function ids32(low: number): number[] {
  const ids = [low, MAXID - low];
  for (let bit = 4; bit < 32; bit += 1) ids.push(low + 2 ** bit);
  for (const modulus of [17, 31, 97, 127, 251, 509, 1021, 4093, 65521])
    ids.push(low + modulus, low + 2 * modulus);
  return ids;
}

t.test('an id is a whole number from 0 to 2^32 - 1', (t) => {
  const { registry } = engine();
  t.equal(MAXID, 4294967295);
  t.equal(registry.get(MAXID).id, MAXID);
  t.equal(registry.get(-0), registry.root);
  for (const bad of [-1, 0.5, 1.5, NaN, Infinity, -Infinity, 2 ** 32, 2 ** 32 + 1, 2 ** 53]) {
    t.throws(() => registry.get(bad), { code: 'EINVAL' }, `${bad}`);
    t.equal(registry.find(bad), undefined, `${bad}`);
  }
  t.equal(registry.size, 2);
  t.end();
});

t.test('beancounter 0 is there from the start', (t) => {
  const { registry } = engine();
  t.equal(registry.size, 1);
  t.equal(registry.root.id, 0);
  t.equal(registry.root.references, 1);
  t.equal(registry.find(0), registry.root);
  t.end();
});

t.test('the living are listed in the order of their creation', (t) => {
  const { registry } = engine();
  for (const id of [9, 3, 5]) registry.get(id);
  registry.find(3)!.put();
  registry.get(3);
  t.strictSame(
    [...registry].map((bc) => bc.id),
    [0, 9, 5, 3],
  );
  t.equal(registry.size, 4);
  t.end();
});

t.test('two registries share nothing', (t) => {
  const one = new Registry();
  const other = new Registry();
  one.get(1).counter(numtasks).charge(5, Severity.BARRIER);
  t.equal(other.find(1), undefined);
  t.equal(other.get(1).counter(numtasks).held, 0);
  t.end();
});

t.test('a mistake of a caller is a process warning where nobody takes the log', async (t) => {
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
  new Registry().root.counter(numtasks).uncharge(1);
  t.match(await warned, { name: 'BeancounterWarning', message: 'Uncharging too much of numtasks: 1 vs 0' });
});
