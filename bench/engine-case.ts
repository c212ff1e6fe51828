/** One case of the engine's benchmark: `node engine-case.js <case> <order> <beancounters> <rounds> <passes>` prints JSON. */
import { fileURLToPath } from 'node:url';
import { MAXVALUE, Registry, Severity, type Counter } from 'bcfs';
import { interleave, time } from './measure.js';

type Loop = (counters: readonly Counter[], passes: number) => void;

interface Case {
  readonly title: string;
  /** Which counters. Default: all. */
  readonly only?: (counter: Counter) => boolean;
  /** What happened to the counters before. */
  readonly prepare?: (counters: readonly Counter[]) => void;
  /** Default: the plain pair. */
  readonly bare?: Loop;
  readonly engine: Loop;
}

/** Nanoseconds per pair, by round. */
export interface Timings {
  readonly bare: number[];
  readonly engine: number[];
}

const barePair: Loop = (counters, passes) => {
  for (let pass = 0; pass < passes; pass += 1) {
    for (const p of counters) {
      p.held += 1;
      p.held -= 1;
    }
  }
};

const barrierPair: Loop = (counters, passes) => {
  const { BARRIER } = Severity;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const counter of counters) {
      counter.tryCharge(1, BARRIER);
      counter.uncharge(1);
    }
  }
};

/** As most programs write it: two loads more for each charge. */
const lookedUpPair: Loop = (counters, passes) => {
  for (let pass = 0; pass < passes; pass += 1) {
    for (const counter of counters) {
      counter.tryCharge(1, Severity.BARRIER);
      counter.uncharge(1);
    }
  }
};

const limitPair: Loop = (counters, passes) => {
  const { LIMIT } = Severity;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const counter of counters) {
      counter.tryCharge(1, LIMIT);
      counter.uncharge(1);
    }
  }
};

const throwingPair: Loop = (counters, passes) => {
  const { LIMIT } = Severity;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const counter of counters) {
      counter.charge(1, LIMIT);
      counter.uncharge(1);
    }
  }
};

const refusal: Loop = (counters, passes) => {
  const { BARRIER } = Severity;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const counter of counters) counter.tryCharge(1, BARRIER);
  }
};

/** One up for good with every pair, so that each charge is a new maximum. */
const risingPair: Loop = (counters, passes) => {
  const { BARRIER } = Severity;
  for (let pass = 0; pass < passes; pass += 1) {
    for (const counter of counters) {
      counter.tryCharge(2, BARRIER);
      counter.uncharge(1);
    }
  }
};

const bareRisingPair: Loop = (counters, passes) => {
  for (let pass = 0; pass < passes; pass += 1) {
    for (const p of counters) {
      p.held += 2;
      p.held -= 1;
    }
  }
};

/** More than a Smi of V8 holds, and more than 32 bits. */
const BIG = 2 ** 33;

function chargeBig(counters: readonly Counter[]): void {
  for (const counter of counters) {
    counter.change(MAXVALUE, MAXVALUE);
    counter.charge(BIG, Severity.BARRIER);
  }
}

/** Up to the barrier and back, with the parameters as they were. */
function goThroughBig(counters: readonly Counter[]): void {
  for (const counter of counters) {
    const { barrier, limit } = counter;
    chargeBig([counter]);
    counter.uncharge(BIG);
    counter.change(barrier, limit);
  }
}

function raise(counters: readonly Counter[]): void {
  for (const counter of counters) counter.change(MAXVALUE, MAXVALUE);
}

/** No room below the barrier. */
function lower(counters: readonly Counter[]): void {
  for (const counter of counters) counter.change(0, 100);
}

function isFifth(_: unknown, index: number): boolean {
  return index % 5 === 0;
}

export const cases = {
  barrier: { title: 'BARRIER, with room', engine: barrierPair },
  limit: { title: 'LIMIT, with room', engine: limitPair },
  lookedUp: { title: 'Severity.BARRIER looked up each time', engine: lookedUpPair },
  throwing: { title: 'charge, which throws if refused', engine: throwingPair },
  big: { title: 'held above 2^32', prepare: chargeBig, engine: barrierPair },
  someBig: {
    title: 'one in five held above 2^32',
    prepare: (counters) => chargeBig(counters.filter(isFifth)),
    engine: barrierPair,
  },
  afterBig: { title: 'after all went above 2^32 and back', prepare: goThroughBig, engine: barrierPair },
  afterAll: {
    title: 'after every other case in one process',
    prepare: (counters) => {
      const others = makeCounters(10);
      for (const { engine, prepare } of Object.values(cases) as Case[]) {
        if (prepare === cases.afterAll.prepare) continue;
        prepare?.(others);
        engine(others, 2000);
        for (const counter of others) counter.uncharge(counter.held);
      }
      goThroughBig(counters.filter(isFifth));
    },
    engine: barrierPair,
  },
  aboveBarrier: {
    title: 'LIMIT, between barrier and limit',
    prepare: lower,
    engine: limitPair,
  },
  rising: {
    title: 'each charge a new maximum',
    prepare: raise,
    bare: bareRisingPair,
    engine: risingPair,
  },
  refused: {
    title: 'refused at the barrier (one call)',
    only: ({ resource }) => !resource.limitHit,
    prepare: lower,
    engine: refusal,
  },
  refusedByHook: {
    title: 'refused after a reclaim found nothing',
    only: ({ resource }) => resource.limitHit !== undefined,
    prepare: lower,
    engine: refusal,
  },
} satisfies Record<string, Case>;

export type CaseName = keyof typeof cases;

/** Every counter, beancounter by beancounter. */
function makeCounters(beancounters: number): Counter[] {
  const registry = new Registry();
  return Array.from({ length: beancounters }, (_, index) => registry.get(index + 1).counters).flat();
}

/** Which counter comes after which. */
export type CounterOrder = 'in turn' | 'at random';

function shuffle(counters: Counter[]): void {
  for (let index = counters.length - 1; index > 0; index -= 1) {
    const other = Math.floor(Math.random() * (index + 1));
    [counters[index], counters[other]] = [counters[other] as Counter, counters[index] as Counter];
  }
}

/** Enough for the optimising compiler to have settled. */
const WARM_UP = 40;

async function measure(
  name: CaseName,
  order: CounterOrder,
  beancounters: number,
  rounds: number,
  passes: number,
): Promise<Timings> {
  const { engine, prepare, bare = barePair, only = () => true }: Case = cases[name];
  const counters = makeCounters(beancounters).filter(only);
  if (order === 'at random') shuffle(counters);
  prepare?.(counters);
  const per = passes * counters.length;
  const contenders = {
    bare: () => time(() => bare(counters, passes)) / per,
    engine: () => time(() => engine(counters, passes)) / per,
  };
  await interleave(WARM_UP, contenders);
  return interleave(rounds, contenders);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, order, ...sizes] = process.argv.slice(2);
  const [beancounters = 0, rounds = 0, passes = 0] = sizes.map(Number);
  console.log(
    JSON.stringify(await measure(name as CaseName, order as CounterOrder, beancounters, rounds, passes)),
  );
}
