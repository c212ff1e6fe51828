/** Ends of a mount under load, whoever brings them about: nobody hangs, and the next start mounts. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { bash, bcfs, run } from '../fixtures/command.js';
import {
  daemonOf,
  emptyDirectory,
  ended,
  mountOn,
  mountpoints,
  needsFuse,
  until,
} from '../fixtures/mounted.js';
import { load, soak } from '../fixtures/soak.js';

const CLIENTS = 4;

/** Has clients use a mount. @returns what ends them, and resolves when they have: one that hung could not */
function clients(t: Test, mountpoint: string): () => Promise<void> {
  const shells = Array.from({ length: CLIENTS }, (_, i) =>
    spawn('bash', ['-c', load(mountpoint, i + 1)], { stdio: 'ignore', detached: true }),
  );
  const ends = shells.map((shell) => once(shell, 'exit'));
  const kill = () => {
    for (const { pid, exitCode, signalCode } of shells) {
      // With what it has started: the group is its own.
      if (exitCode === null && signalCode === null) process.kill(-pid!, 'SIGKILL');
    }
  };
  t.teardown(kill);
  return async () => {
    kill();
    await Promise.all(ends);
  };
}

/** Ways to end a mount: each is given the mountpoint and the daemon. */
const ways: [title: string, end: (mountpoint: string, daemon: number) => Promise<unknown>][] = [
  ['kill -9 of the daemon', (_, daemon) => Promise.resolve(process.kill(daemon, 'SIGKILL'))],
  ['SIGTERM to the daemon', (_, daemon) => Promise.resolve(process.kill(daemon, 'SIGTERM'))],
  ['a foreign umount -l', (mountpoint) => run('umount', ['-l', mountpoint])],
  ['a foreign umount -f', (mountpoint) => run('umount', ['-f', '-l', mountpoint])],
  [
    'an abort of the connection',
    (mountpoint) =>
      bash(`
        N=$(sed -n 's|^[^ ]* [^ ]* 0:\\([0-9]*\\) / ${mountpoint} .*|\\1|p' /proc/self/mountinfo)
        unshare -m bash -c "mount -t fusectl fusectl /mnt && echo 1 > /mnt/$N/abort"`),
  ],
];

for (const [title, end] of ways) {
  t.test(`${title} under load: nobody hangs, and the next start mounts`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const endClients = clients(t, directory);
    for (let round = 0; round < soak(title.startsWith('kill -9') ? 3 : 1, 50); round += 1) {
      // Between two mounts they make directories where it is.
      await mountOn(t, directory, ['-o', 'nonempty']);
      const daemon = daemonOf(directory);
      await delay(200);
      await end(directory, daemon);
      await ended(daemon);
      await until('nothing is mounted', () => mountpoints(directory).length === 0);
    }
    await endClients();
    await mountOn(t, directory, ['-o', 'nonempty']);
    t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
    t.equal((await run(bcfs, ['umount', directory])).code, 0);
  });
}

t.test('clients that are killed in the middle of a request hold nobody up', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  for (let round = 0; round < soak(3, 200); round += 1) {
    const endClients = clients(t, directory);
    await delay(100);
    await endClients();
  }
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
  t.equal((await run('umount', [directory])).code, 0);
});
