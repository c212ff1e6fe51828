import { readFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { run } from '../fixtures/command.js';
import { foreground, preloaded } from '../fixtures/foreground.js';
import { emptyDirectory, mountpoints, needsFuse } from '../fixtures/mounted.js';

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`in the foreground ${signal} unmounts, and it ends with 0`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const { pid, ended } = await foreground(t, directory, ['-f']);
    t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
    process.kill(pid, signal);
    t.strictSame(await ended, { code: 0, stdout: '', stderr: '' });
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('in the foreground somebody else’s umount ends it with 0', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { ended } = await foreground(t, directory, ['--foreground']);
  await run('umount', [directory]);
  t.strictSame(await ended, { code: 0, stdout: '', stderr: '' });
});

t.test('a signal unmounts even if the mount is in use', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const { pid, ended } = await foreground(t, directory, ['-f']);
  await run('bash', ['-c', `cd ${directory}/0 && kill ${pid} && tail --pid=${pid} -f /dev/null`]);
  t.strictSame(await ended, { code: 0, stdout: '', stderr: '' });
  t.strictSame(mountpoints(directory), []);
});

/** What each transport prints of `cat 0/id; mkdir x`. */
const prints = {
  'fuse-native': ['open /0/id: 0', 'read /0/id: 2', 'release /0/id: 0', 'mkdir /x: -22'],
  'dev-fuse': [
    'OPEN of node \\d+: 0',
    'READ of node \\d+: 0',
    'RELEASE of node \\d+: 0',
    'MKDIR of node 1: -22',
  ],
};

for (const [transport, lines] of Object.entries(prints)) {
  t.test(
    `debugging stays in the foreground, and prints each operation and its answer, over ${transport}`,
    needsFuse,
    async (t) => {
      const directory = await emptyDirectory(t);
      const { pid, ended } = await foreground(t, directory, ['-d', '--transport', transport]);
      await run('cat', [`${directory}/0/id`]);
      await run('mkdir', [`${directory}/x`]);
      process.kill(pid, 'SIGTERM');
      const { code, stdout, stderr } = await ended;
      t.strictSame({ code, stdout }, { code: 0, stdout: '' });
      for (const line of lines) t.match(stderr, new RegExp(`^\\S+Z bcfs:fuse ${line}$`, 'm'));
      for (const line of stderr.trimEnd().split('\n')) t.match(line, /^\S+Z bcfs:(fuse|mount) \S/);
    },
  );
}

t.test('a failure of its own is logged, unmounts, and ends it with 1', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const fails = preloaded("process.on('SIGUSR2', () => { throw new Error('a bug') });");
  const { pid, ended } = await foreground(t, directory, ['-f'], fails);
  await readFile(`${directory}/0/id`);
  process.kill(pid, 'SIGUSR2');
  const { code, stderr } = await ended;
  t.equal(code, 1);
  t.match(stderr, /^bcfs: Error: a bug\n {4}at /);
  t.strictSame(mountpoints(directory), []);
});

t.test('a failure that is no Error is logged too', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const fails = preloaded("process.on('SIGUSR2', () => { throw 'a word' });");
  const { pid, ended } = await foreground(t, directory, ['-f'], fails);
  await readFile(`${directory}/0/id`);
  process.kill(pid, 'SIGUSR2');
  t.strictSame(await ended, { code: 1, stdout: '', stderr: 'bcfs: a word\n' });
});

t.test('a daemon that nobody can ask serves all the same, and says so', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const env = { BCFS_RUNTIME_DIRECTORY: '/dev/null/bcfs' };
  const { pid, ended } = await foreground(t, directory, ['-f'], { env });
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
  process.kill(pid, 'SIGTERM');
  t.match(await ended, { code: 0, stderr: /^bcfs: bcfs status and its kin cannot ask: .*ENOTDIR.*\n$/ });
});
