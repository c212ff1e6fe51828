/**
 * The engine against a slow model of v6.md: random sequences, and after each step everything that both show.
 *
 * A failure prints the seed, the shrunk sequence and where the two part. More runs: BCFS_MODEL_RUNS=100000.
 */
import fc from 'fast-check';
import t from 'tap';
import { Severity } from '../../lib/bc/counter.js';
import { RealWorld } from './real-world.js';
import { Model, type World } from './slow-model.js';

const RUNS = Number(process.env['BCFS_MODEL_RUNS'] ?? 300);
const STEPS = 60;

/** One step, as it is carried out in both worlds. */
interface Call {
  readonly text: string;
  readonly run: (world: World) => string;
}

type Method = Exclude<keyof World, 'show' | 'takeCalls' | 'takeLog'>;

function call<M extends Method>(method: M, ...args: Parameters<World[M]>): Call {
  return {
    text: `${method}(${args.map((arg) => fc.stringify(arg)).join(', ')})`,
    run: (world) => (world[method] as (...args: unknown[]) => string)(...args),
  };
}

/**
 * A step as it is drawn: numbers tell what it is done to, among the things that are there by then. Undefined
 * where there are none.
 */
type Resolve = (model: Model) => Call | undefined;

function pick<T>(things: Iterable<T>, number: number): T | undefined {
  const all = [...things];
  return all[number % all.length];
}

const number = fc.nat({ max: 1000 });
const flag = fc.boolean();
const id = fc.constantFrom(1, 1, 2, 2, 257, 2 ** 32 - 1);
const severity = fc.constantFrom(...Object.values(Severity));
const barrierOrLimit = fc.constantFrom(Severity.BARRIER, Severity.LIMIT);

const val = fc.oneof(
  { weight: 14, arbitrary: fc.nat({ max: 5 }) },
  { weight: 2, arbitrary: fc.constantFrom(65536, 2 ** 32, 2 ** 53 - 1, 2 ** 53 - 1) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1.5, NaN, Infinity, 2 ** 53) },
);

const parameter = fc.oneof(
  { weight: 12, arbitrary: fc.bigInt(0n, 9n) },
  { weight: 2, arbitrary: fc.constantFrom(65536n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n) },
  { weight: 1, arbitrary: fc.constantFrom(-1n, 2n ** 63n, 2n ** 64n) },
);

const length = fc.integer({ min: 1, max: 6 });
const index = fc.nat({ max: 15 });

/** Often alike, so that they merge. */
const options = fc.record({
  writable: fc.constantFrom(true, true, true, false),
  shared: fc.constantFrom(false, false, false, true),
  anonymous: fc.constantFrom(true, true, true, false),
  locked: fc.constantFrom(false, false, false, false, false, true),
});

/** From where down an owner lets a page go: at once, late, at the last, never. */
const letsGoFrom = fc.constantFrom(12, 12, 3, 2, 1, 0, -1);

/** A beancounter that lives: most often 1 or 2. */
function someBc({ bcs }: Model, n: number): number {
  const low = [1, 2].filter((id) => bcs.has(id));
  return pick(n % 6 === 0 || low.length === 0 ? bcs.keys() : low, n)!;
}

/** A resource that is registered: most often one with hooks. */
function someResource({ resources }: Model, n: number): string {
  const withHooks = resources.filter((name) => ['physpages', 'watched', 'elastic'].includes(name));
  return pick(n % 2 === 0 ? resources : withHooks, n >> 1)!;
}

/** An index of a mapping for a page: at times the first behind it, or any, but most often one that is free. */
function someIndex({ pages, resident }: Model['mappings'][number], n: number): number {
  if (n === 15) return Number(pages);
  const all = Array.from({ length: Number(pages) }, (_, index) => index);
  const free = all.filter((index) => !resident.has(index));
  return pick(n === 14 || free.length === 0 ? all : free, n)!;
}

/** Tids are used again. */
function freeTid({ tasks }: Model): number {
  let tid = 100;
  while (tasks.has(tid)) tid += 1;
  return tid;
}

/** A task; for one in eight that is drawn an interrupt. */
function taskOrNone(model: Model, n: number): number | undefined {
  return n % 8 === 0 ? undefined : pick(model.tasks.keys(), n);
}

function withTask(model: Model, n: number, act: (tid: number) => Call): Call | undefined {
  const tid = pick(model.tasks.keys(), n);
  return tid === undefined ? undefined : act(tid);
}

function withMapping(
  model: Model,
  n: number,
  act: (mapping: Model['mappings'][number]) => Call | undefined,
): Call | undefined {
  const mapping = pick(model.mappings, n);
  return mapping && act(mapping);
}

const steps: fc.WeightedArbitrary<Resolve>[] = [];

function step<A extends unknown[]>(
  weight: number,
  drawn: fc.Arbitrary<A>,
  resolve: (model: Model, ...drawn: A) => Call | undefined,
): void {
  steps.push({ weight, arbitrary: drawn.map((args) => (model: Model) => resolve(model, ...args)) });
}

step(3, fc.tuple(id), (_model, id) => call('mkdir', id));
step(2, fc.tuple(number), (model, n) => {
  const id = pick(model.directories.slice(1), n);
  return id === undefined ? undefined : call('rmdir', id);
});
step(2, fc.tuple(number), (model, n) =>
  model.resources.includes('elastic') && n % 16 !== 0 ? undefined : call('register'),
);
step(6, fc.tuple(number, number, val, severity), (model, n, resource, val, severity) =>
  call('charge', someBc(model, n), someResource(model, resource), val, severity),
);
step(3, fc.tuple(number, length), (model, n, val) =>
  call('charge', someBc(model, n), 'watched', val, Severity.LIMIT),
);
step(3, fc.tuple(number, number, val), (model, n, resource, val) =>
  call('uncharge', someBc(model, n), someResource(model, resource), val),
);
step(5, fc.tuple(number, number, parameter, parameter, number), (model, n, resource, a, b, order) => {
  // Most often the right way round.
  const [barrier, limit] = a < b || order % 8 === 0 ? [a, b] : [b, a];
  return call('change', someBc(model, n), someResource(model, resource), barrier, limit);
});
step(3, fc.tuple(number, number, parameter, flag), (model, n, resource, value, isBarrier) => {
  const [barrier, limit] = isBarrier ? [value, undefined] : [undefined, value];
  return call('change', someBc(model, n), someResource(model, resource), barrier, limit);
});

step(3, fc.tuple(number, fc.bigInt(0n, 4n)), (model, n, limit) =>
  call('change', someBc(model, n), 'physpages', 0n, limit),
);

step(2, fc.tuple(number, number), (model, kind, n) => {
  const memory = kind % 4 === 0 ? 'none' : kind % 4 === 1 ? pick(model.tasks.keys(), n) : 'own';
  return call('adopt', freeTid(model), memory ?? 'own');
});
step(5, fc.tuple(number, fc.constantFrom('process', 'process', 'vm')), (model, n, memory) =>
  withTask(model, n, (tid) => call('fork', tid, freeTid(model), memory)),
);
step(3, fc.tuple(number), (model, n) => withTask(model, n, (tid) => call('exit', tid)));
step(4, fc.tuple(number, number), (model, n, id) =>
  withTask(model, n, (tid) => call('move', tid, pick(model.directories, id)!)),
);
step(3, fc.tuple(number, number), (model, n, id) =>
  withTask(model, n, (tid) => call('moveThread', tid, pick(model.directories, id)!)),
);
step(1, fc.tuple(number, flag), (model, n, admin) =>
  withTask(model, n, (tid) => call('setAdmin', tid, admin)),
);

step(4, fc.tuple(number), (model, n) => call('open', taskOrNone(model, n)));
step(1, fc.tuple(number), (model, n) => {
  const file = pick(model.files.keys(), n);
  return file === undefined ? undefined : call('dup', file);
});
step(3, fc.tuple(number), (model, n) => {
  const file = pick(model.files.keys(), n);
  return file === undefined ? undefined : call('close', file);
});
step(3, fc.tuple(number, val, barrierOrLimit), (model, n, bytes, severity) =>
  call('allocate', taskOrNone(model, n), bytes, severity),
);
step(2, fc.tuple(number), (model, n) => {
  const object = pick(model.objects.keys(), n);
  return object === undefined ? undefined : call('free', object);
});

step(6, fc.tuple(number, length, options, barrierOrLimit), (model, n, pages, options, severity) => {
  const task = pick(
    [...model.tasks.values()].filter((task) => task.memory),
    n,
  );
  return task && call('map', task.tid, pages, options, severity);
});
step(2, fc.tuple(number, length, barrierOrLimit), (model, n, pages, severity) =>
  withMapping(model, n, ({ name }) => call('grow', name, pages, severity)),
);
step(1, fc.tuple(number, index), (model, n, left) =>
  withMapping(model, n, ({ name, pages }) => call('truncate', name, left % (Number(pages) + 1))),
);
step(3, fc.tuple(number, index), (model, n, at) =>
  withMapping(model, n, ({ name, pages }) => call('split', name, at % (Number(pages) + 1))),
);
step(3, fc.tuple(number, number), (model, n, other) =>
  withMapping(model, n, ({ name, memory, writable, anonymous }) => {
    const alike = memory.mappings.filter(
      (it) => it.name !== name && it.writable === writable && it.anonymous === anonymous,
    );
    const next = pick(other % 4 === 0 ? model.mappings : alike, other);
    return next && call('merge', name, next.name);
  }),
);
step(3, fc.tuple(number, flag), (model, n, writable) =>
  withMapping(model, n, ({ name }) => call('protect', name, writable)),
);
step(3, fc.tuple(number, flag), (model, n, locked) =>
  withMapping(model, n, ({ name }) => call('lock', name, locked)),
);
step(2, fc.tuple(number), (model, n) => withMapping(model, n, ({ name }) => call('unmap', name)));
step(14, fc.tuple(number, index, letsGoFrom), (model, n, index, letsGoFrom) =>
  withMapping(model, n, (mapping) => call('faultNew', mapping.name, someIndex(mapping, index), letsGoFrom)),
);
step(4, fc.tuple(number, index, number), (model, n, index, page) =>
  withMapping(model, n, (mapping) => {
    const known = pick(model.pages.keys(), page);
    return known === undefined ? undefined : call('fault', mapping.name, someIndex(mapping, index), known);
  }),
);
step(3, fc.tuple(number, index), (model, n, index) =>
  withMapping(model, n, ({ name, pages }) => call('drop', name, index % Number(pages))),
);

/** So that things are refused: two beancounters with a task in each, and low parameters. */
const setUp: readonly Resolve[] = [1, 2].flatMap((id) => [
  () => call('mkdir', id),
  () => call('adopt', 99 + id, 'own'),
  () => call('move', 99 + id, id),
]);
const lowParameters = fc.tuple(fc.constantFrom(1, 2), number, fc.bigInt(0n, 6n), fc.bigInt(0n, 4n)).map(
  ([id, resource, barrier, more]): Resolve =>
    (model) =>
      call('change', id, someResource(model, resource), barrier, barrier + more),
);

/** All is let go, things charged by hand apart: then only what holds them is left. */
function* tearDown(model: Model): Iterable<Call> {
  for (const tid of model.tasks.keys()) yield call('exit', tid);
  for (const [name, file] of model.files) {
    for (let left = file.descriptors; left > 0; left -= 1) yield call('close', name);
  }
  for (const name of model.objects.keys()) yield call('free', name);
  for (const id of model.directories.slice(1)) yield call('rmdir', id);
}

/** So many steps: shrunk ones become nothing, for an array of any length would most often be a short one. */
function exactly(count: number, steps: fc.WeightedArbitrary<Resolve>[]): fc.Arbitrary<Resolve[]> {
  const nothing = { weight: 1, arbitrary: fc.constant<Resolve>(() => undefined) };
  const step = fc.oneof({ withCrossShrink: true }, nothing, ...steps);
  return fc.array(step, { minLength: count, maxLength: count });
}

/** What both worlds are asked to be equal in. */
function report(world: World, outcome: string): string[] {
  return [outcome, ...world.takeCalls(), ...world.takeLog().sort(), ...world.show()];
}

function inBothWorlds(sequence: readonly Resolve[]): Model {
  const model = new Model();
  const engine = new RealWorld();
  const carriedOut: string[] = [];
  const carryOut = ({ text, run }: Call) => {
    carriedOut.push(text);
    const expected = report(model, run(model));
    const found = report(engine, run(engine));
    if (expected.join('\n') === found.join('\n')) return;
    const wrong = found.filter((line) => !expected.includes(line)).map((line) => `engine: ${line}`);
    const right = expected.filter((line) => !found.includes(line)).map((line) => `model: ${line}`);
    const differences =
      [...wrong, ...right].join('; ') || 'the order of the lines, or how often one is there';
    throw new Error(`${carriedOut.join('; ')} parts them: ${differences}`);
  };
  for (const resolve of sequence) {
    const step = resolve(model);
    if (step) carryOut(step);
  }
  for (const step of tearDown(model)) carryOut(step);
  return model;
}

function reporter<T>({ failed, seed, counterexamplePath, errorInstance }: fc.RunDetails<T>): void {
  if (!failed) return;
  const { message } = errorInstance as Error;
  throw new Error(`with { seed: ${seed}, path: "${counterexamplePath}" } for fc.assert: ${message}`);
}

t.test('after every step of a random sequence the engine shows what the model shows', (t) => {
  const sequence = fc.tuple(exactly(8, [{ weight: 9, arbitrary: lowParameters }]), exactly(STEPS, steps));
  fc.assert(
    fc.property(sequence, ([parameters, steps]) => {
      const { bcs } = inBothWorlds([...setUp, ...parameters, ...steps]);
      if (bcs.size !== 1) throw new Error(`${bcs.size} beancounters live when all is let go`);
    }),
    { numRuns: RUNS, reporter },
  );
  t.pass(`${RUNS} sequences of ${STEPS} steps`);
  t.end();
});
