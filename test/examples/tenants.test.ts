import { readdir, readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { mountpoints, needsFuse } from '../fixtures/mounted.js';
import { mountExample, runExample } from './example.js';

t.test('the program charges, is refused, and goes on when its limit is raised', async (t) => {
  const { code, stdout, stderr } = await runExample('04-tenants');
  t.equal(code, 0);
  t.equal(stderr, '');
  t.equal(
    stdout,
    `\
tenant 7 opens connection 1
tenant 8 opens connection 1
tenant 7 opens connection 2
tenant 8 opens connection 2
tenant 7 opens connection 3
tenant 7 opens connection 4
tenant 7 opens connection 5
tenant 7 is refused connection 6
# cat 7/connections/held
5
# cat 7/connections/failcnt
3
# echo 8 > 7/connections/limit
tenant 7 has barrier 5, limit 8 now
tenant 7 opens connection 6
tenant 7 opens connection 7
tenant 7 opens connection 8
# cat 7/connections/held
8
# echo 9 > 7/connections/barrier
echo: write error: Invalid argument
tenant 7 closes 8, holds 0
# cat 7/connections/held
0
# cat 7/connections/maxheld
8
`,
  );
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`operators change its limits while it runs, until ${signal}`, needsFuse, async (t) => {
    const { mountpoint, said, end } = await mountExample(t, '04-tenants');
    const file = (name: string) => `${mountpoint}/7/connections/${name}`;
    await said('tenant 7 is refused connection 6');
    t.equal(await readFile(file('held'), 'utf8'), '5\n');
    t.not(await readFile(file('failcnt'), 'utf8'), '0\n');
    t.equal(await readFile(`${mountpoint}/8/connections/held`, 'utf8'), '2\n');
    await writeFile(file('limit'), '8\n');
    await said('tenant 7 is refused connection 9');
    t.equal(await readFile(file('held'), 'utf8'), '8\n');
    await t.rejects(writeFile(file('barrier'), '9\n'), { code: 'EINVAL' });
    t.strictSame(await readdir(`${mountpoint}/7`), [
      'connections',
      'id',
      'kmemsize',
      'numfiles',
      'numtasks',
      'physpages',
      'privvmpages',
      'tasks',
      'threads',
    ]);
    t.equal((await end(signal)).code, 0);
    t.strictSame(mountpoints(mountpoint), []);
  });
}

t.test('it says in a line why it cannot be mounted', needsFuse, async (t) => {
  const { code, stdout, stderr } = await runExample('04-tenants', '/nowhere/at/all');
  t.strictSame({ code, stdout }, { code: 1, stdout: '' });
  t.match(stderr, /^\/nowhere\/at\/all: no such mountpoint.*\n$/);
});
