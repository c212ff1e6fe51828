import { mkdir, readFile, symlink } from 'node:fs/promises';
import t from 'tap';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { daemonOf, emptyDirectory, ended, mountpoints, needsFuse } from '../fixtures/mounted.js';

const done: Outcome = { code: 0, stdout: '', stderr: '' };

/** Ways to say where D/bc is, to a command in D/bc/.. */
const ways = ['bc', 'bc/', './bc', 'bc/.', 'bc//', '../D/bc', 'link', 'link/', 'chain', 'up/bc'];

for (const way of ways) {
  t.test(`a mountpoint may be given as ${way}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    await mkdir(`${directory}/bc`);
    await symlink('bc', `${directory}/link`);
    await symlink('link', `${directory}/chain`);
    await symlink('.', `${directory}/up`);
    const argument = way.replace('D', directory.replace(/.*\//, ''));
    t.strictSame(await run(bcfs, [argument], { cwd: directory }), done);
    const daemon = daemonOf(directory);
    t.strictSame(mountpoints(directory), [`${directory}/bc`], 'it is mounted on the real path');
    t.equal(await readFile(`${directory}/bc/0/id`, 'utf8'), '0\n');
    t.strictSame(await run(bcfs, ['umount', argument], { cwd: directory }), done);
    await ended(daemon);
    t.strictSame(mountpoints(directory), []);
  });
}

t.test('the current directory may be the mountpoint', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await run(bcfs, ['.'], { cwd: directory }), done);
  const daemon = daemonOf(directory);
  t.equal(await readFile(`${directory}/0/id`, 'utf8'), '0\n');
  t.strictSame(await run(bcfs, ['umount', directory]), done);
  await ended(daemon);
});
