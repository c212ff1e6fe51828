import { mkdir, readdir, readFile } from 'node:fs/promises';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { transportNames } from '../../lib/fuse/transport.js';
import '../fixtures/covered.js';
import { bash, bcfs, run } from '../fixtures/command.js';
import { foreground, preloaded } from '../fixtures/foreground.js';
import {
  daemonOf,
  emptyDirectory,
  ended,
  mountOn,
  mountpoints,
  needsFuse,
  until,
} from '../fixtures/mounted.js';

/** The pids of the guardians of a mountpoint. */
function guardians(mountpoint: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .filter((pid) => {
      try {
        const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return args.includes('bcfs-guardian') && args.includes(mountpoint);
      } catch {
        return false;
      }
    })
    .map(Number);
}

for (const transport of transportNames) {
  t.test(`a daemon that is killed leaves no mount, over ${transport}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    await mountOn(t, directory, ['--transport', transport]);
    process.kill(daemonOf(directory), 'SIGKILL');
    await until('it is unmounted', () => mountpoints(directory).length === 0);
    await until('the guardian has ended', () => guardians(directory).length === 0);
  });
}

t.test('in the foreground too, and though somebody is in it', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { pid, ended } = await foreground(t, directory, ['-f']);
  const script = `cd ${directory}/0; kill -KILL ${pid}; while grep -q ' ${directory} ' /proc/self/mountinfo; do sleep 0.1; done`;
  t.equal((await bash(script)).code, 0);
  await ended;
});

for (const name of [
  'with space',
  'tab\tand\nnewline',
  `it's "quoted" $(touch pwned)`,
  'back\\slash\\040',
  '-l',
  '*',
  'ünï',
]) {
  t.test(`wherever it is mounted: ${JSON.stringify(name)}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const path = `${directory}/${name}`;
    await mkdir(path);
    await mountOn(t, path);
    process.kill(daemonOf(path), 'SIGKILL');
    await until('it is unmounted', () => mountpoints(directory).length === 0);
    t.notOk(existsSync(`${directory}/pwned`));
  });
}

t.test('the guardian holds nothing, is on its own, and goes with the mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await bash(`exec 7< /dev/zero; "${bcfs}" ${directory}`), { code: 0, stdout: '', stderr: '' });
  const [guardian] = guardians(directory);
  const at = (name: string) => `/proc/${guardian}/${name}`;
  t.equal(readlinkSync(at('cwd')), '/');
  t.strictSame(readdirSync(at('fd')), ['0', '1', '2']);
  const [, , , session] = readFileSync(at('stat'), 'utf8').replace(/.*\) /, '').split(' ');
  t.equal(Number(session), guardian);
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(guardian!, signal);
  await delay(100);
  t.strictSame(guardians(directory), [guardian], 'it outlives what is sent to everybody');
  await run('umount', [directory]);
  await until('it has ended', () => guardians(directory).length === 0);
});

t.test('what is mounted over it meanwhile, or in its place, is left alone', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  await run('mount', ['-t', 'tmpfs', 'none', directory]);
  t.teardown(() => run('umount', ['-l', directory]));
  process.kill(daemon, 'SIGKILL');
  await until('the guardian has ended', () => guardians(directory).length === 0);
  t.strictSame(mountpoints(directory), [directory, directory]);
  await run('umount', [directory]);
  t.strictSame(await run(bcfs, ['umount', directory]), { code: 0, stdout: '', stderr: '' });
});

t.test('-o noauto_unmount: no guardian, and a dead mount', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory, ['-o', 'auto_unmount,noauto_unmount']);
  t.strictSame(guardians(directory), []);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGKILL');
  await ended(daemon);
  await t.rejects(readdir(directory), { code: 'ENOTCONN' });
  await run(bcfs, ['umount', directory]);
});

t.test('a guardian that somebody ends is missed by nobody', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  process.kill(guardians(directory)[0]!, 'SIGKILL');
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
  process.kill(daemon, 'SIGTERM');
  await ended(daemon);
  t.strictSame(mountpoints(directory), []);
});

/** What keeps a guardian from starting, as code in the daemon, and what the log says of it. */
const hindrances: [title: string, code: string, message: string][] = [
  [
    'there is no shell',
    "cp.spawn = (file, ...rest) => spawn(file === '/bin/sh' ? '/nowhere/sh' : file, ...rest);",
    'spawn /nowhere/sh ENOENT',
  ],
  ['there is no descriptor for it', "cp.spawn = () => { throw new Error('spawn EMFILE'); };", 'spawn EMFILE'],
];

for (const [title, code, message] of hindrances) {
  t.test(`without a guardian the mount is as good: ${title}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const files = await emptyDirectory(t);
    const hindered = preloaded(`
      import cp from 'node:child_process';
      import { syncBuiltinESMExports } from 'node:module';
      if (process.argv[1].endsWith('daemon.js')) {
        const { spawn } = cp;
        ${code}
        syncBuiltinESMExports();
      }`);
    t.equal((await run(bcfs, ['--log', `${files}/log`, directory], hindered)).code, 0);
    const log = () => readFileSync(`${files}/log`, 'utf8');
    await until('it has said so', () => log().endsWith('\n'));
    t.equal(log(), `bcfs: ${directory}: no auto_unmount: ${message}\n`);
    t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
    const daemon = daemonOf(directory);
    await run('umount', [directory]);
    await ended(daemon);
  });
}
