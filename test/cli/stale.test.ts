import { readdir } from 'node:fs/promises';
import t from 'tap';
import type { Test } from 'tap';
import '../fixtures/covered.js';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { foreground } from '../fixtures/foreground.js';
import { daemonOf, emptyDirectory, ended, mountOn, mountpoints, needsFuse } from '../fixtures/mounted.js';

const done: Outcome = { code: 0, stdout: '', stderr: '' };

/** The dead mount of a daemon that was killed. @returns the mountpoint */
async function dead(t: Test): Promise<string> {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory, ['-o', 'noauto_unmount']);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGKILL');
  await ended(daemon);
  t.strictSame(mountpoints(directory), [directory], 'it is still there');
  await t.rejects(readdir(directory), { code: 'ENOTCONN' }, 'and dead');
  return directory;
}

t.test('the dead mount of a killed daemon is cleared away by the next one', needsFuse, async (t) => {
  const directory = await dead(t);
  await mountOn(t, directory);
  t.strictSame(mountpoints(directory), [directory]);
  t.strictSame((await readdir(directory)).sort(), ['0', 'description']);
});

t.test('in the foreground too', needsFuse, async (t) => {
  const directory = await dead(t);
  const { pid, ended } = await foreground(t, directory, ['-d']);
  process.kill(pid, 'SIGTERM');
  const { code, stderr } = await ended;
  t.equal(code, 0);
  t.match(stderr, new RegExp(`^\\S+Z bcfs:mount ${directory}: clearing a dead mount away$`, 'm'));
  t.strictSame(mountpoints(directory), []);
});

t.test('umount takes a dead mount away', needsFuse, async (t) => {
  const directory = await dead(t);
  t.strictSame(await run(bcfs, ['umount', directory]), done);
  t.strictSame(mountpoints(directory), []);
});

t.test('a dead mount that somebody is in can be detached, and replaced', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory, ['-o', 'noauto_unmount']);
  const daemon = daemonOf(directory);
  const script = `
    cd ${directory}/0; kill -KILL ${daemon}; tail --pid=${daemon} -f /dev/null
    "${bcfs}" umount ${directory} 2> /dev/null; echo $?
    "${bcfs}" ${directory}; echo $?
    cat ${directory}/0/id`;
  t.strictSame(await run('bash', ['-c', script]), { ...done, stdout: '13\n0\n0\n' });
  t.strictSame(mountpoints(directory), [directory]);
});

t.test('a mountpoint below a dead mount cannot be looked at', needsFuse, async (t) => {
  const directory = await dead(t);
  for (const args of [[`${directory}/0`], ['umount', `${directory}/0`]]) {
    t.strictSame(await run(bcfs, args), {
      code: 16,
      stdout: '',
      stderr: `bcfs: ${directory}/0: a mount above it is dead; take that away with: umount -l\n`,
    });
  }
});
