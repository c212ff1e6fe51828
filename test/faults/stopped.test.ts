/** A daemon that is stopped for a while: its clients wait, and are served when it goes on. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { bash, run } from '../fixtures/command.js';
import { daemonOf, emptyDirectory, ended, isAlive, mountOn, needsFuse, until } from '../fixtures/mounted.js';
import { soak } from '../fixtures/soak.js';

/** Whether all threads of a process are stopped: a signal takes its time to reach them. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8').replace(/.*\) /s, '').startsWith('T'),
  );
}

t.test('clients of a daemon that is stopped wait, and are served when it goes on', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  // Shorter than it is stopped.
  await mountOn(t, directory, ['-o', 'watchdog=2']);
  const daemon = daemonOf(directory);
  t.teardown(() => isAlive(daemon) && process.kill(daemon, 'SIGCONT'));
  process.kill(daemon, 'SIGSTOP');
  await until('it is stopped', () => isStopped(daemon));
  let served = 0;
  const clients = [1, 2, 3, 4].map(async (id) => {
    const outcome = await bash(
      `mkdir ${directory}/${id} && echo 300 > ${directory}/${id}/numtasks/limit && cat ${directory}/${id}/numtasks/limit`,
    );
    served += 1;
    return outcome;
  });
  await delay(soak(4000, 15_000));
  t.equal(served, 0);
  process.kill(daemon, 'SIGCONT');
  for (const outcome of await Promise.all(clients))
    t.strictSame(outcome, { code: 0, stdout: '300\n', stderr: '' });
  await delay(3000);
  t.ok(isAlive(daemon), 'and its watchdog has not taken it for stuck');
  t.equal((await run('umount', [directory])).code, 0);
  await ended(daemon);
});
