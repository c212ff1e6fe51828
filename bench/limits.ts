/**
 * What limits of live tasks are good for: how much of its work a neighbour still does beside a hog that is held at its
 * limit, and how far twenty processes together get past a limit that only the limits of single tasks hold.
 *
 * Neighbour and hog have a CPU each: beancounters control no CPU time. The daemon runs where the kernel has it run.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { interleave, median, timesInRounds } from './measure.js';
import { allowedCpus, Processes, type Command } from './processes.js';
import type { Figure, Report } from './report.js';

export interface LimitsSizes {
  readonly rounds: number;
  /** Of work in each round, beside each hog. */
  readonly milliseconds: number;
  /** How many take files at once. */
  readonly processes: number;
}

export const limitsSizes: LimitsSizes = { rounds: 5, milliseconds: 700, processes: 20 };
export const quickLimitsSizes: LimitsSizes = { rounds: 1, milliseconds: 20, processes: 2 };

interface Hog {
  readonly resource: string;
  /** As `bcfs run --set` takes it. */
  readonly value: string;
  readonly command: readonly string[];
}

const perl = (script: string): readonly string[] => ['perl', '-e', script];

/** A command that starts another over and over. */
const again = (command: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  'while :; do "$@"; done 2>/dev/null',
  'again',
  ...command,
];

/** Takes a mebibyte after the other, touches them, and is killed, or gets no more and ends. */
const grow = perl('push @held, "x" x (1 << 20) while 1');

const hogs = {
  'a fork bomb': { resource: 'numtasks', value: '30', command: perl('fork while 1') },
  'a memory hog': { resource: 'physpages', value: '60M', command: again(grow) },
  'a file hog': {
    resource: 'numfiles',
    value: '64',
    command: perl(
      'while (1) { my $file; if (open $file, "<", "/dev/null") { push @held, $file } else { splice @held, 0, 8 } }',
    ),
  },
  'a mapping hog': { resource: 'privvmpages', value: '64M', command: again(grow) },
} satisfies Record<string, Hog>;

type HogName = keyof typeof hogs;
const hogNames = Object.keys(hogs) as HogName[];

/** What is lost beside these is no matter of limits: what two CPUs share, and other things that the machine does. */
const controls = {
  IDLE: 'an idle beancounter',
  BUSY: 'one that only computes',
  TWIN: 'another neighbour',
} as const;

/** Is never at a limit. */
const busy: Hog = { resource: 'numtasks', value: '30', command: ['sh', '-c', 'perl -e "1 while 1"; :'] };

/** Operations per second. */
type Work = () => Promise<number>;

/** The beancounter of the neighbour; the others follow. */
const NEIGHBOUR = 1;

/** Milliseconds that a hog may take to get to its limit, and its tasks to have gone. */
const PATIENCE = 20_000;

/** Milliseconds between two samples, and a little more. */
const SAMPLE = 1100;

export async function limits(sizes: LimitsSizes): Promise<Report> {
  const processes = new Processes();
  try {
    const { mountpoint } = await processes.bcfs({ live: true });
    const shares = await besideHogs(processes, mountpoint, sizes);
    const passed = [
      await overshoot(processes, mountpoint, sizes.processes, 0),
      await overshoot(processes, mountpoint, sizes.processes, 9),
    ];
    return { part: 'limits', ...shares, figures: [...shares.figures, ...passed] };
  } finally {
    await processes.end();
  }
}

async function besideHogs(
  processes: Processes,
  mountpoint: string,
  { rounds, milliseconds }: LimitsSizes,
): Promise<Pick<Report, 'tables' | 'figures'>> {
  const [own = 0, other = own] = allowedCpus();
  const [neighbour, twin] = [own, other].map((cpu, index) => {
    const client = processes.client({ cpu });
    // Whatever else the machine does stays off its CPU, where the hog has taken the other.
    setPriority(client.pid, constants.priority.PRIORITY_HIGHEST);
    mkdirSync(`${mountpoint}/${NEIGHBOUR + index}`);
    writeFileSync(`${mountpoint}/${NEIGHBOUR + index}/tasks`, `${client.pid}`);
    return () => client.order({ kind: 'work', milliseconds });
  }) as [Work, Work];
  // The first time everything is new.
  await Promise.all([neighbour(), twin()]);
  let next = NEIGHBOUR + 2;
  const beside = (hog: Hog) => {
    const bc = `${mountpoint}/${next++}`;
    return async () => {
      const started = await start(processes, bc, hog, other);
      const rate = await neighbour();
      await started.end();
      await until(`${bc} is empty`, () => number(`${bc}/numtasks/held`) === 0);
      return rate;
    };
  };
  const found = await interleave(rounds, {
    [controls.IDLE]: neighbour,
    [controls.BUSY]: beside(busy),
    [controls.TWIN]: async () => (await Promise.all([neighbour(), twin()]))[0],
    ...(Object.fromEntries(hogNames.map((name) => [name, beside(hogs[name])])) as Record<HogName, Work>),
  });
  const rate = (name: keyof typeof found) => median(found[name]);
  const rateOf = (name: keyof typeof found, base: keyof typeof found) =>
    timesInRounds(found[name], found[base]);
  return {
    tables: [
      {
        title: `limits: the neighbour's work beside, ${rounds} rounds of ${milliseconds} ms`,
        columns: ['', 'per second', 'times idle', 'times another'],
        rows: (Object.keys(found) as (keyof typeof found)[]).map((name) => [
          name,
          rate(name),
          rateOf(name, controls.IDLE),
          rateOf(name, controls.TWIN),
        ]),
      },
    ],
    figures: [controls.IDLE, controls.TWIN].flatMap((base) =>
      hogNames.map((name): Figure => ({
        what: `the neighbour's work beside ${name}, against ${base}`,
        value: rateOf(name, base),
        unit: 'times',
        atLeast: 0.8,
      })),
    ),
  };
}

/** Resolves when it is under way: its first child is there, or it holds half of what it may. */
async function start(processes: Processes, bc: string, hog: Hog, cpu: number): Promise<Command> {
  const { resource, value, command } = hog;
  const started = processes.inside(['--set', `${resource}=${value}`, bc, '--', ...command], { cpu });
  await until(`${bc} is at work`, () => {
    if (!existsSync(bc)) return false;
    if (number(`${bc}/numtasks/held`) > 0) return true;
    return number(`${bc}/${resource}/held`) > number(`${bc}/${resource}/limit`) / 2;
  });
  return started;
}

/** Takes files when the first argument is there; before that so many as the third says. The second: how many do. */
const taking = `
  my ($go, $processes, $before) = @ARGV;
  sub take { my $file; open($file, "<", "/dev/null") or return 0; push @held, $file }
  sub pause { select(undef, undef, undef, 0.002) }
  for (1 .. $processes) {
    next if fork;
    take() for 1 .. $before;
    pause() until -e $go;
    while (1) { take() or pause() }
  }
  sleep`;

/** How far processes of one beancounter get past a limit of ten files for each. @param before they have so many each */
async function overshoot(
  processes: Processes,
  mountpoint: string,
  count: number,
  before: number,
): Promise<Figure> {
  const limit = 10 * count;
  const bc = `${mountpoint}/${100 + before}`;
  const go = `${processes.scratch()}/go`;
  const takers = [...perl(taking), go, `${count}`, `${before}`];
  const started = processes.inside(['--set', `numfiles=${limit}`, bc, '--', ...takers]);
  const held = () => number(`${bc}/numfiles/held`);
  await until(
    `${count} processes are there`,
    () => existsSync(bc) && number(`${bc}/numtasks/held`) === count && held() >= count * before,
  );
  await delay(SAMPLE);
  const free = limit - held();
  writeFileSync(go, '');
  for (let last = -1; last < limit || held() !== last;) {
    last = held();
    await delay(SAMPLE);
  }
  const above = held() - limit;
  await started.end();
  return {
    what: `${count} processes, ${free} files free of ${limit}: held above the limit`,
    value: above,
    unit: 'files',
    atMost: (count - 1) * free,
  };
}

function number(path: string): number {
  return Number(readFileSync(path, 'utf8'));
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE; !isSo(); await delay(10)) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
  }
}
