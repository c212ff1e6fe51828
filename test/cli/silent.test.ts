import { readFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { daemonOf, emptyDirectory, ended, mountOn, mountpoints, needsFuse } from '../fixtures/mounted.js';

const done: Outcome = { code: 0, stdout: '', stderr: '' };

t.test('a daemon that is stopped does not answer, and that is said', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGSTOP');
  t.teardown(() => {
    try {
      process.kill(daemon, 'SIGCONT');
    } catch {
      // It has ended.
    }
  });
  t.strictSame(await run(bcfs, [directory]), {
    code: 16,
    stdout: '',
    stderr: `bcfs: ${directory}: a bcfs is mounted there and does not answer; take it away with: bcfs umount -l ${directory}\n`,
  });
  t.strictSame(mountpoints(directory), [directory]);

  process.kill(daemon, 'SIGCONT');
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n', 'it goes on');

  process.kill(daemon, 'SIGSTOP');
  t.strictSame(await run(bcfs, ['umount', '-l', directory]), done, 'and can be detached');
  t.strictSame(mountpoints(directory), []);
  process.kill(daemon, 'SIGCONT');
  await ended(daemon);
});
