/** That the benchmark runs, and leaves nothing behind. What it measures is no matter of a test. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { cgroup, plain, root, run, type Outcome } from '../fixtures/command.js';
import { emptyDirectory, needsFuse } from '../fixtures/mounted.js';
import { isSoak } from '../fixtures/soak.js';

interface Report {
  readonly part: string;
  readonly figures: readonly { readonly unit: string }[];
}

/** Milliseconds: it starts many servers, one after the other. When they are over it is asked to tidy up. */
const TIME_LIMIT = 120_000;

function measure(args: readonly string[], directory: string): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      ...plain(process.execPath, ['--expose-gc', `${root}dist/bench/main.js`, ...args]),
      { env: { ...process.env, TMPDIR: directory, BCFS_CGROUP: cgroup }, timeout: TIME_LIMIT },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

async function bench(t: Test, part: string) {
  const directory = await emptyDirectory(t);
  const json = join(directory, 'bench.json');
  const outcome = await measure(['--quick', '--json', json, part], directory);
  const { reports } = JSON.parse(await readFile(json, 'utf8')) as { reports: Report[] };
  return { ...outcome, reports, left: await readdir(directory) };
}

const inSoak = { skip: !isSoak && 'BCFS_SOAK is not set' } as const;

t.test('the engine is measured in every case', inSoak, async (t) => {
  const { code, stdout, stderr, reports } = await bench(t, 'engine');
  t.equal(code, 0, stderr);
  t.match(stdout, /^engine: ns per charge \+ uncharge, 10 beancounters × 5 resources in turn$/m);
  t.match(stdout, /^ {2}BARRIER, with room( +\d+(\.\d+)?){5}$/m);
  t.equal(reports[0]?.figures.length, 9);
});

for (const [part, figures] of [
  ['mount', 2],
  ['clients', 0],
  ['find', 1],
  ['floor', 0],
  ['idle', 2],
  ['scale', 4],
  ['limits', 10],
  ['endurance', 10],
] as const) {
  // Each starts many servers.
  const options = isSoak || part === 'mount' ? needsFuse : inSoak;
  t.test(`${part} is measured, and nothing stays mounted`, options, async (t) => {
    const { code, stderr, reports, left } = await bench(t, part);
    t.equal(code, 0, stderr);
    t.strictSame(
      reports.map((report) => report.part),
      [part],
    );
    // Not every machine can build the peer in C.
    t.equal(reports[0]?.figures.filter(({ unit }) => !unit.startsWith('times C')).length, figures);
    t.strictSame(left, ['bench.json']);
  });
}

t.test('a part that is not there is said in a line', async (t) => {
  const outcome = await run(process.execPath, [`${root}dist/bench/main.js`, 'ponies']);
  t.strictSame(outcome, {
    code: 2,
    stdout: '',
    stderr:
      'bench: ponies: no such part; there are: engine mount clients find floor idle scale limits sample fresh endurance done\n',
  });
});
