/**
 * The engine: what a charge and an uncharge cost, over 1,000 beancounters and their five resources in turn,
 * against the bare `p.held += 1; p.held -= 1` on the same objects.
 *
 * Each case runs in a process of its own, for what one leaves behind in V8 (hidden classes, type feedback) is part
 * of what the next one would measure. The last case has all of that on purpose.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, quantile } from './measure.js';
import { cases, type CaseName, type CounterOrder, type Timings } from './engine-case.js';
import type { Report } from './report.js';

const run = promisify(execFile);

export interface EngineSizes {
  readonly beancounters: number;
  /** At least 15 for figures that can be relied on. */
  readonly rounds: number;
  /** How often a round goes over all counters. */
  readonly passes: number;
  /** Beancounters whose counters are charged at random, once a round: more than the caches hold. */
  readonly many: number;
}

export const engineSizes: EngineSizes = { beancounters: 1000, rounds: 45, passes: 100, many: 100_000 };
export const quickEngineSizes: EngineSizes = { beancounters: 10, rounds: 3, passes: 2, many: 20 };

/** Each of these at most so many times bare. */
const WANTED = 2;
const wanted = [
  'barrier',
  'limit',
  'lookedUp',
  'throwing',
  'big',
  'someBig',
  'afterBig',
  'afterAll',
] as const;

/** The case that is measured at random too. */
const RANDOM: CaseName = 'barrier';

export async function engine(sizes: EngineSizes): Promise<Report> {
  const rows: (string | number)[][] = [];
  const ratios: number[] = [];
  for (const name of Object.keys(cases) as CaseName[]) {
    const { bare, engine } = await measure(name, 'in turn', sizes);
    const each = engine.map((time, round) => time / (bare[round] ?? NaN));
    const ratio = median(engine) / median(bare);
    ratios.push(ratio);
    rows.push([
      cases[name].title,
      median(bare),
      median(engine),
      ratio,
      quantile(each, 0.1),
      quantile(each, 0.9),
    ]);
  }
  const { many, rounds } = sizes;
  const random = await measure(RANDOM, 'at random', { ...sizes, beancounters: many, passes: 1 });
  const times = median(random.engine) / median(random.bare);
  const worst = (name: CaseName) => ratios[Object.keys(cases).indexOf(name)] ?? NaN;
  return {
    part: 'engine',
    tables: [
      {
        title: `engine: ns per charge + uncharge, ${sizes.beancounters} beancounters × 5 resources in turn`,
        columns: ['', 'bare', 'engine', 'times bare', '10%', '90%'],
        rows,
      },
      {
        title: `engine: the same, ${many} beancounters × 5 resources at random, ${rounds} rounds`,
        columns: ['', 'bare', 'engine', 'times bare'],
        rows: [[cases[RANDOM].title, median(random.bare), median(random.engine), times]],
      },
    ],
    figures: [
      ...wanted.map((name) => ({
        what: cases[name].title,
        value: worst(name),
        unit: 'times bare',
        atMost: WANTED,
      })),
      { what: `${cases[RANDOM].title}, ${many} at random`, value: times, unit: 'times bare', atMost: WANTED },
    ],
  };
}

async function measure(name: CaseName, order: CounterOrder, sizes: EngineSizes): Promise<Timings> {
  const script = fileURLToPath(new URL('engine-case.js', import.meta.url));
  const { beancounters, rounds, passes } = sizes;
  const { stdout } = await run(process.execPath, [
    script,
    name,
    order,
    ...[beancounters, rounds, passes].map(String),
  ]);
  return JSON.parse(stdout) as Timings;
}
