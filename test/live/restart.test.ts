import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import '../fixtures/covered.js';
import { actor, forker } from '../fixtures/actor.js';
import { bcfs, cgroup, run } from '../fixtures/command.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveArgs, liveDirectory } from '../fixtures/live-mount.js';
import { daemonOf, ended, mountOn, needsFuse, until } from '../fixtures/mounted.js';
import { findMachine } from '../../lib/host/machine.js';

const options = { ...needsFuse, ...needsCgroup };

t.test(
  'kill -9 of the daemon under load, and a start: nothing is lost, nothing is set back',
  options,
  async (t) => {
    const bc = await liveDirectory(t);
    const read = (path: string) => Number(readFileSync(`${bc}/${path}`, 'utf8'));
    await mountOn(t, bc, liveArgs);
    mkdirSync(`${bc}/1`);
    writeFileSync(`${bc}/1/numtasks/barrier`, '6');
    writeFileSync(`${bc}/1/numtasks/limit`, '6');
    const perl = await forker(t);
    const busy = await actor(t);
    for (const { pid } of [perl, busy]) writeFileSync(`${bc}/1/tasks`, `${pid}`);
    for (let i = 0; i < 8; i += 1) await perl.run('fork');
    const rounds = 3;
    for (let round = 1; round <= rounds; round += 1) {
      const failcnt = read('1/numtasks/failcnt');
      const maxheld = read('1/numtasks/maxheld');
      const load = actorLoad(bc);
      const pid = daemonOf(bc);
      process.kill(pid, 'SIGKILL');
      await ended(pid);
      await load;
      await until(
        'the mount was taken away',
        () => !readFileSync('/proc/self/mountinfo', 'utf8').includes(bc),
      );
      await perl.run('fork');
      await mountOn(t, bc, liveArgs);
      t.equal(read('1/numtasks/limit'), 6);
      t.equal(read('1/numtasks/held'), 6);
      t.equal(read('1/numtasks/maxheld'), maxheld);
      t.equal(read('1/numtasks/failcnt'), failcnt + 1, 'the limit held on meanwhile, and was counted');
      t.match((await run(bcfs, ['which', `${perl.pid}`, bc])).stdout, 'Bcid:\t1');
    }
    await perl.run('end');
    t.equal(read('1/numtasks/held'), 0);
    await perl.end();
    await busy.end();
    rmdirSync(`${bc}/1`);
    await run(bcfs, ['umount', bc]);
    const groups = () => findMachine({ host: 'auto', cgroup }).hierarchies.flatMap((each) => each.ids());
    await until('no stray group is left', () => groups().length === 0);
  },
);

/** Reads as fast as it can until the mount has gone. */
async function actorLoad(bc: string): Promise<void> {
  await run('bash', ['-c', `for i in {1..2000}; do cat ${bc}/1/*/held || exit 0; done`]);
}

t.test("what limits a task's files is its own again when the daemon has ended", options, async (t) => {
  const bc = await liveDirectory(t);
  const bash = await actor(t);
  const softOf = () =>
    Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${bash.pid}/limits`, 'utf8'))?.[1]);
  const own = softOf();
  for (const end of ['umount', 'SIGTERM', 'SIGKILL'] as const) {
    await mountOn(t, bc, liveArgs);
    mkdirSync(`${bc}/1`, { recursive: true });
    writeFileSync(`${bc}/1/numfiles/barrier`, '30');
    writeFileSync(`${bc}/1/numfiles/limit`, '30');
    writeFileSync(`${bc}/1/tasks`, `${bash.pid}`);
    await until('the limit is set', () => softOf() < own);
    const pid = daemonOf(bc);
    if (end === 'umount') await run(bcfs, ['umount', bc]);
    else process.kill(pid, end);
    await ended(pid);
    if (end === 'SIGKILL') {
      t.ok(softOf() < own, 'whoever was killed has put nothing back');
      await until(
        'the mount was taken away',
        () => !readFileSync('/proc/self/mountinfo', 'utf8').includes(bc),
      );
      await mountOn(t, bc, liveArgs);
      writeFileSync(`${bc}/0/tasks`, `${bash.pid}`);
    }
    await until(`its own limit is back after ${end}`, () => softOf() === own);
  }
  rmdirSync(`${bc}/1`);
  t.equal(softOf(), own);
});

t.test('umount --drop leaves no group, and the tasks where they were', options, async (t) => {
  const bc = await liveDirectory(t);
  await mountOn(t, bc, liveArgs);
  mkdirSync(`${bc}/1`);
  const bash = await actor(t);
  writeFileSync(`${bc}/1/tasks`, `${bash.pid}`);
  const { code, stderr } = await run(bcfs, ['umount', '--drop', bc]);
  t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  t.strictSame(
    findMachine({ host: 'auto', cgroup }).hierarchies.flatMap((each) => each.ids()),
    [],
  );
  t.equal(await bash.run('echo alive'), 'alive');
});

t.test('two daemons do not share groups', options, async (t) => {
  const bc = await liveDirectory(t);
  const other = await liveDirectory(t);
  await mountOn(t, bc, liveArgs);
  const { code, stderr } = await run(bcfs, [...liveArgs, other]);
  t.equal(code, 13);
  t.match(
    stderr,
    new RegExp(`^bcfs: the groups "${cgroup}" are those of the bcfs on ${bc} .*: -o cgroup=NAME\n$`),
  );
});
