import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import '../fixtures/covered.js';
import { bcfs, bash, root, run } from '../fixtures/command.js';
import { preloaded } from '../fixtures/foreground.js';
import { daemonOf, emptyDirectory, ended, isAlive, mountpoints, needsFuse } from '../fixtures/mounted.js';

/** Has the daemon serve `mkdir stuck` for ever, and `mkdir lost` by a call to the kernel that does not come back. */
const stuck = preloaded(`
  import { isMainThread } from 'node:worker_threads';
  if (!isMainThread) {
    const { Tree } = await import(${JSON.stringify(`file://${root}dist/lib/configfs/tree.js`)});
    const { mkdir } = Tree.prototype;
    Tree.prototype.mkdir = function (node, name) {
      if (String(name) === 'stuck') for (;;);
      if (String(name) === 'lost') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return mkdir.call(this, node, name);
    };
  }`);

/** Mounts with a log. @returns what was logged */
async function mountStuck(t: Test, directory: string, options: string): Promise<() => string> {
  const files = await emptyDirectory(t);
  const { code, stderr } = await run(bcfs, ['--log', `${files}/log`, '-o', options, directory], stuck);
  t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  return () => readFileSync(`${files}/log`, 'utf8');
}

for (const name of ['stuck', 'lost']) {
  t.test(`a mount that is stuck is ended, and nobody hangs: ${name}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const log = await mountStuck(t, directory, 'watchdog=2');
    const daemon = daemonOf(directory);
    const [one, two] = await Promise.all([
      run('mkdir', [`${directory}/${name}`]),
      delay(200).then(() => run('stat', [`${directory}/0/numtasks/limit`])),
    ]);
    t.equal(one.code, 1);
    t.equal(two.code, 1);
    await ended(daemon);
    t.match(
      log(),
      new RegExp(
        `^bcfs: ${directory}: a request was not answered for 2 s; (connection \\d+ aborted, )?unmounted\n$`,
      ),
    );
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('through /sys where that is mounted, and in the foreground it ends with 16', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const script = `
    mountpoint -q /sys/fs/fuse/connections || mount -t fusectl fusectl /sys/fs/fuse/connections
    "${bcfs}" -f -o watchdog=1 ${directory} & 
    until mountpoint -q ${directory}; do sleep 0.1; done
    mkdir ${directory}/stuck 2> /dev/null; wait $!; echo $?`;
  const { stdout, stderr } = await run('unshare', ['-m', 'bash', '-c', script], stuck);
  t.equal(stdout, '16\n');
  t.match(stderr, /^bcfs: .*: a request was not answered for 1 s; connection \d+ aborted, unmounted\n$/);
});

t.test('-o watchdog=0 waits, and SIGTERM ends it all the same', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  const log = await mountStuck(t, directory, 'watchdog=0');
  const daemon = daemonOf(directory);
  const client = run('mkdir', [`${directory}/lost`]);
  await delay(3000);
  t.ok(isAlive(daemon));
  process.kill(daemon, 'SIGTERM');
  t.equal((await client).code, 1);
  await ended(daemon);
  t.equal(log(), '');
  t.strictSame(mountpoints(directory), []);
});

t.test('a daemon that was stopped while it answered is not stuck', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.equal((await run(bcfs, ['-o', 'watchdog=3', directory])).code, 0);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGSTOP');
  const client = stat(`${directory}/0`);
  await delay(5000);
  process.kill(daemon, 'SIGCONT');
  t.ok((await client).isDirectory());
  await delay(1500);
  t.strictSame((await readdir(directory)).sort(), ['0', 'description']);
  t.equal((await run('umount', [directory])).code, 0);
  await ended(daemon);
});

t.test('seconds are a number', async (t) => {
  for (const value of ['', '-1', '1.5', '86401', 'x']) {
    const { code, stderr } = await bash(`"${bcfs}" -o 'watchdog=${value}' /nowhere`);
    t.equal(code, 2);
    t.match(stderr, `-o watchdog=${value}: not a number of seconds from 0 to 86400;`);
  }
});
