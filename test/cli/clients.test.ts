import { readdirSync } from 'node:fs';
import t from 'tap';
import { transportNames } from '../../lib/fuse/transport.js';
import { bash } from '../fixtures/command.js';
import { daemonOf, mounted, needsFuse, threads } from '../fixtures/mounted.js';

/** A client with a beancounter of its own: every value that it reads back must be the one that it wrote. */
const client = (id: number, rounds: number) => `
  mkdir ${id} || exit 1
  for i in {1..${rounds}}; do
    echo $((${id} * 1000 + i)) > ${id}/numfiles/limit && read value < ${id}/numfiles/limit
    [ "$value" = $((${id} * 1000 + i)) ] || exit 1
    mkdir ${id}00 && rmdir ${id}00 || exit 1
    [ "$(echo ${id}/*/held)" = "${['kmemsize', 'numfiles', 'numtasks', 'physpages', 'privvmpages']
      .map((resource) => `${id}/${resource}/held`)
      .join(' ')}" ] || exit 1
  done
  rmdir ${id} || exit 1`;

/** So many clients at once, each a process. The exit code is the number of those that failed. */
const burst = (clients: number, rounds: number) =>
  Array.from({ length: clients }, (_, index) => `(${client(index + 10, rounds)}) & pids+=($!)`).join('\n') +
  '\nfor pid in "${pids[@]}"; do wait $pid || ((failed += 1)); done; exit $((failed))';

for (const transport of transportNames) {
  t.test(`16 clients at once are each answered as if alone, over ${transport}`, needsFuse, async (t) => {
    const cwd = await mounted(t, ['--transport', transport]);
    t.strictSame(await bash(burst(16, 15), { cwd }), { code: 0, stdout: '', stderr: '' });
    t.strictSame(readdirSync(cwd).sort(), ['0', 'description']);
  });

  t.test(
    `bursts of 64 clients leave no threads and no descriptors behind, over ${transport}`,
    needsFuse,
    async (t) => {
      const cwd = await mounted(t, ['--transport', transport]);
      const daemon = daemonOf(cwd);
      const count = () => ({
        threads: threads(daemon),
        descriptors: readdirSync(`/proc/${daemon}/fd`).length,
      });
      const before = count();
      for (let round = 0; round < 2; round += 1) {
        t.strictSame(await bash(burst(64, 2), { cwd }), { code: 0, stdout: '', stderr: '' });
      }
      const after = count();
      t.ok(
        after.descriptors <= before.descriptors,
        `${after.descriptors} descriptors, not more than ${before.descriptors} before`,
      );
      t.ok(
        after.threads <= before.threads,
        `${after.threads} threads, not more than ${before.threads} before`,
      );
    },
  );
}

t.test('one that reads slowly, and one that has gone, hold nobody up', needsFuse, async (t) => {
  const cwd = await mounted(t);
  const script = `
    mkdir 1
    exec 3< 1/numtasks/limit; read -N 1 -u 3 first
    (exec 4< 1/numtasks/limit; kill -KILL $BASHPID)
    echo 200 > 1/numtasks/limit; cat 1/numtasks/limit
    read -u 3 rest; echo "$first$rest"`;
  const { code, stdout } = await bash(script, { cwd });
  t.strictSame({ code, stdout }, { code: 0, stdout: '200\n128\n' });
});
