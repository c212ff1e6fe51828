/** `bcfs events` while live tasks meet their limits. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { evaluator, forker } from '../fixtures/actor.js';
import { Agent } from '../fixtures/agent.js';
import { bcfs, plain } from '../fixtures/command.js';
import { memoryHog } from '../fixtures/hogs.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveMount } from '../fixtures/live-mount.js';
import { needsFuse, until } from '../fixtures/mounted.js';

const options = { ...needsFuse, ...needsCgroup };

/** The lines that `bcfs events` prints, as they come. */
function listen(t: Test, bc: string, ...flags: string[]): string[] {
  const child = spawn(...plain(bcfs, ['events', ...flags, bc]), { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill());
  const lines: string[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  return lines;
}

function set(bc: string, resource: string, barrier: number, limit: number): void {
  writeFileSync(`${bc}/${resource}/barrier`, `${barrier}`);
  writeFileSync(`${bc}/${resource}/limit`, `${limit}`);
}

t.test('what happens to live tasks is told as it happens', options, async (t) => {
  const mountpoint = await liveMount(t);
  const start = Date.now();
  const lines = listen(t, mountpoint);
  const json = listen(t, mountpoint, '--json');
  for (const id of [5, 6, 7]) mkdirSync(`${mountpoint}/${id}`);

  const agent = await Agent.start(t);
  writeFileSync(`${mountpoint}/5/tasks`, `${agent.pid}`);
  t.equal(await agent.do('hold', 20 << 20), 20 << 20);
  const physpages = `${mountpoint}/5/physpages`;
  const before = readFileSync(`${physpages}/limit`, 'utf8');
  writeFileSync(`${physpages}/barrier`, '100');
  const refuse = () =>
    t.throws(() => writeFileSync(`${physpages}/limit`, '100'), { code: 'ENOMEM' }, 'it holds more');
  await until('somebody listens to both', () => {
    refuse();
    return lines.length > 0 && json.length > 0;
  });
  t.equal(readFileSync(`${physpages}/limit`, 'utf8'), before, 'what is refused changes nothing');
  t.match(lines[0], /^\S+ 5 physpages parameter 100$/);

  set(`${mountpoint}/6`, 'numtasks', 2, 3);
  const forks = await forker(t);
  writeFileSync(`${mountpoint}/6/tasks`, `${forks.pid}`);
  for (let i = 0; i < 3; i += 1) t.equal(await forks.run('fork'), '0');
  await until('the barrier was hit', () => lines.some((line) => / 6 numtasks barrier-hit 3$/.test(line)));
  for (let i = 0; i < 5; i += 1) t.equal(await forks.run('fork'), '11', 'EAGAIN');
  // By the samples that come meanwhile: nobody reads the beancounter.
  const refused = () =>
    lines
      .map((line) => Number(/ 6 numtasks refused (\d+)$/.exec(line)?.[1] ?? 0))
      .reduce((sum, value) => sum + value, 0);
  await until('all five are told', () => refused() >= 5);
  t.equal(refused(), 5);

  set(`${mountpoint}/7`, 'physpages', 5000, 5000);
  const hog = await evaluator(t, memoryHog);
  writeFileSync(`${mountpoint}/7/tasks`, `${hog.pid}`);
  t.equal(await hog.run('fill()'), '', 'it ends without a word');
  await until('the kill is told', () => lines.some((line) => / 7 physpages killed 1$/.test(line)));

  // The one that was asked for first may have heard more.
  await until('both have heard the last', () => json.length > 0 && json.at(-1)!.includes('"killed"'));
  const events = json.map((line) => JSON.parse(line) as Record<string, unknown>);
  const inWords = events.map(({ time, beancounter, resource, event, value }) =>
    [time, beancounter, resource, event, value].join(' '),
  );
  const common = Math.min(lines.length, json.length);
  t.strictSame(inWords.slice(-common), lines.slice(-common), 'both say the same');
  for (const { time } of events) {
    const at = Date.parse(time as string);
    t.ok(at >= start && at <= Date.now(), `${time as string} is now`);
  }
});
