/** How far the limits of live tasks hold. What docs/host.md says of it is what is measured here. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { evaluator, storm } from '../fixtures/actor.js';
import { cgroup } from '../fixtures/command.js';
import { fileHog, MAPPING, mappingHog, memoryHog } from '../fixtures/hogs.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveMount } from '../fixtures/live-mount.js';
import { emptyDirectory, needsFuse, until } from '../fixtures/mounted.js';
import { findMachine } from '../../lib/host/machine.js';

const options = { ...needsFuse, ...needsCgroup };

const number = (path: string) => Number(readFileSync(path, 'utf8'));

/** A beancounter 1 with a limit, the barrier the same. */
async function limited(t: Test, resource: string, limit: number): Promise<string> {
  const mountpoint = await liveMount(t);
  const bc = `${mountpoint}/1`;
  mkdirSync(bc);
  const isLower = limit < number(`${bc}/${resource}/barrier`);
  for (const file of isLower ? ['barrier', 'limit'] : ['limit', 'barrier']) {
    writeFileSync(`${bc}/${resource}/${file}`, `${limit}`);
  }
  return bc;
}

/** Looks, over and over, until something is done. @returns what that gives */
async function meanwhile<T>(task: Promise<T>, look: () => void): Promise<T> {
  let isDone = false as boolean;
  const done = task.finally(() => (isDone = true));
  while (!isDone) {
    look();
    await delay(1);
  }
  return done;
}

t.test('never more tasks than the limit, and each refused fork counted, in 10,000', options, async (t) => {
  const limit = 30;
  const forkers = 4;
  const bc = await limited(t, 'numtasks', limit);
  const storms = await Promise.all(Array.from({ length: forkers }, () => storm(t)));
  for (const { pid } of storms) writeFileSync(`${bc}/tasks`, `${pid}`);
  const { pids } = findMachine({ host: 'auto', cgroup });
  let [most, mostHeld] = [0, 0];
  const counts = await meanwhile(
    Promise.all(storms.map((one) => one.run(`storm ${10_000 / forkers}`))),
    () => {
      most = Math.max(most, pids!.current(1));
      mostHeld = Math.max(mostHeld, number(`${bc}/numtasks/held`));
    },
  );
  const each = counts.map((text) => JSON.parse(text) as { forked: number; refused: number; most: number });
  const sum = (of: 'forked' | 'refused') => each.reduce((total, one) => total + one[of], 0);
  t.equal(sum('forked') + sum('refused'), 10_000);
  t.ok(sum('forked') >= limit && sum('refused') > 0, `the limit was met: ${sum('refused')} were refused`);
  for (const one of each) t.ok(one.most <= limit, 'as each of them counts its children');
  // Those that were moved in were charged where they were forked.
  const charged = limit + forkers;
  const peak = pids!.peak(1) ?? charged;
  t.ok(peak <= charged, `as the kernel counts: ${peak}`);
  // Source: the kernel's kernel/cgroup/pids.c: a fork is counted first, and then refused.
  t.ok(most <= charged + forkers, `with those that are being refused: ${most}`);
  t.ok(mostHeld <= limit && number(`${bc}/numtasks/maxheld`) <= limit, 'as bcfs counts');
  t.equal(number(`${bc}/numtasks/failcnt`), sum('refused'));
  t.equal(number(`${bc}/numtasks/held`), 0);
});

/**
 * Twenty processes of one beancounter that take as fast as they can what is free of a limit.
 *
 * @param unit what five of, for each process, are the limit; four they have before
 * @param grain so many are taken at once
 * @param grows what a process may come to hold besides, or give back
 */
async function overshoot(
  t: Test,
  resource: string,
  hog: string,
  { unit, grain, grows }: { unit: number; grain: number; grows: number },
) {
  const processes = 20;
  const limit = 5 * processes * unit;
  const bc = await limited(t, resource, limit);
  const stop = `${await emptyDirectory(t)}/stop`;
  const held = () => number(`${bc}/${resource}/held`);
  const hogs = await Promise.all(Array.from({ length: processes }, () => evaluator(t, hog)));
  for (const { pid } of hogs) writeFileSync(`${bc}/tasks`, `${pid}`);
  /** Has all of them do something at once. @returns what they took, together */
  const all = async (what: string) => {
    const counts = await Promise.all(hogs.map((one) => one.run(what)));
    return counts.map(Number).reduce((sum, one) => sum + one);
  };
  /** Has them take all that they get, until a sample has seen them at the limit. */
  const takeAll = async () => {
    const taken = all(`takeAll('${stop}')`);
    await until('they are seen at the limit', () => held() > limit - grain);
    writeFileSync(stop, '');
    const count = await taken;
    rmSync(stop);
    return count;
  };
  const others = processes * grows;
  const seen = (taken: number) => until(`${taken} are seen`, () => Math.abs(held() - taken) <= others);

  let taken = await all(`take(${4 * unit})`);
  t.equal(taken, processes * 4 * unit);
  await seen(taken);
  const free = limit - held();
  taken += await takeAll();
  await seen(taken);
  t.comment(`${resource}: ${held()} held, limit ${limit}, ${free} were free`);
  t.ok(held() > limit - grain, 'they met the limit');
  t.ok(held() <= limit + (processes - 1) * free + others, `${held()} of ${limit}, ${free} were free`);
  t.equal(await takeAll(), 0, 'after a sample that saw it nobody gets more');
}

t.test('files: each of twenty takes what was free at the last sample, at the most', options, (t) =>
  overshoot(t, 'numfiles', fileHog, { unit: 1, grain: 1, grows: 0 }),
);

t.test('mappings: each of twenty takes what was free at the last sample, at the most', options, (t) =>
  overshoot(t, 'privvmpages', mappingHog, { unit: 32 * MAPPING, grain: MAPPING, grows: 256 }),
);

t.test('resident pages stay within the limit, and the kernel ends who asks for more', options, async (t) => {
  const limit = 20 * 256;
  const bc = await limited(t, 'physpages', limit);
  const hogs = await Promise.all(Array.from({ length: 3 }, () => evaluator(t, memoryHog)));
  for (const { pid } of hogs) writeFileSync(`${bc}/tasks`, `${pid}`);
  const { memory } = findMachine({ host: 'auto', cgroup });
  const readings: number[] = [];
  await meanwhile(Promise.all(hogs.map((hog) => hog.run('fill()'))), () => {
    readings.push(memory!.resident(1), number(`${bc}/physpages/held`));
  });
  t.ok(
    readings.some((pages) => pages > limit / 2),
    'the limit was met',
  );
  // The kernel's figures may lag behind by 64 pages for each CPU.
  t.ok(Math.max(...readings) <= limit + 64 * cpus().length, `${Math.max(...readings)} of ${limit}`);
  t.equal(number(`${bc}/physpages/failcnt`), 3, 'all three were killed');
});
