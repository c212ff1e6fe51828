/**
 * `npm run bench -- [part …] [endurance [seconds] [clients] [--transport NAME]] [--json FILE] [--quick]`
 *
 * Without a part: engine, mount and scale, in less than three minutes. `done`: every part that has figures wanted of
 * it, and at the end all of them in one table, in some 17 minutes. `--quick` only shows that it runs.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { clients, clientsSizes, quickClientsSizes } from './clients.js';
import { endurance, enduranceSizes, quickEnduranceSizes } from './endurance.js';
import { engine, engineSizes, quickEngineSizes } from './engine.js';
import { find, findSizes, quickFindSizes } from './find.js';
import { floor, floorSizes, quickFloorSizes } from './floor.js';
import { fresh, freshSizes, quickFreshSizes } from './fresh.js';
import { idle, idleSizes, quickIdleSizes } from './idle.js';
import { limits, limitsSizes, quickLimitsSizes } from './limits.js';
import { mount, mountSizes, quickMountSizes } from './mount.js';
import { endAll } from './processes.js';
import { printFigures, printReport, type Report } from './report.js';
import { quickSampleSizes, sample, sampleSizes } from './sample.js';
import { quickScaleSizes, scale, scaleSizes } from './scale.js';

const parts: Readonly<Record<string, (isQuick: boolean, numbers: readonly number[]) => Promise<Report>>> = {
  engine: (isQuick) => engine(isQuick ? quickEngineSizes : engineSizes),
  mount: (isQuick) => mount(isQuick ? quickMountSizes : mountSizes),
  clients: (isQuick) => clients(isQuick ? quickClientsSizes : clientsSizes),
  find: (isQuick) => find(isQuick ? quickFindSizes : findSizes),
  floor: (isQuick) => floor(isQuick ? quickFloorSizes : floorSizes),
  idle: (isQuick) => idle(isQuick ? quickIdleSizes : idleSizes),
  scale: (isQuick) => scale(isQuick ? quickScaleSizes : scaleSizes),
  limits: (isQuick) => limits(isQuick ? quickLimitsSizes : limitsSizes),
  sample: (isQuick) => sample(isQuick ? quickSampleSizes : sampleSizes),
  fresh: (isQuick) => fresh(isQuick ? quickFreshSizes : freshSizes),
  endurance: (isQuick, [seconds, clients]) => {
    const sizes = isQuick ? quickEnduranceSizes : enduranceSizes;
    const transports = sizes.transports.filter((name) => name === (values.transport ?? name));
    return endurance({
      ...sizes,
      seconds: seconds ?? sizes.seconds,
      clients: clients ?? sizes.clients,
      transports,
    });
  },
};

const DEFAULT_PARTS = ['engine', 'mount', 'scale'];

/** All parts. */
const DONE = 'done';

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    transport: { type: 'string' },
  },
  allowPositionals: true,
});
const numbers = positionals.filter((word) => /^[1-9][0-9]*$/.test(word));
const names = positionals.filter((word) => !numbers.includes(word));
const unknown = names.find((name) => name !== DONE && !Object.hasOwn(parts, name));
if (unknown !== undefined) {
  console.error(`bench: ${unknown}: no such part; there are: ${[...Object.keys(parts), DONE].join(' ')}`);
  process.exit(2);
}

let interruptedBy: number | undefined;
for (const [signal, exitCode] of [
  ['SIGHUP', 129],
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    interruptedBy = exitCode;
    void endAll().finally(() => process.exit(exitCode));
  });
}

const machine = { cpus: cpus().length, model: cpus()[0]?.model, linux: release(), node: process.version };
console.log(`${machine.cpus} × ${machine.model ?? '?'}, Linux ${machine.linux}, Node ${machine.node}\n`);
const isDone = names.includes(DONE);
const chosen = isDone ? Object.keys(parts) : names.length > 0 ? names : DEFAULT_PARTS;
const reports: Report[] = [];
try {
  for (const name of chosen) {
    const report = await parts[name]?.(values.quick, numbers.map(Number));
    if (!report) continue;
    console.log(printReport(report));
    reports.push(report);
  }
  if (isDone)
    console.log(
      printFigures(
        'done',
        reports.flatMap(({ figures }) => figures),
      ),
    );
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ machine, reports }, undefined, 2)}\n`);
  }
} catch (error) {
  // What is measured when everything is taken away fails, and that is no news.
  if (interruptedBy === undefined) {
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
