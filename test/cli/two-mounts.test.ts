import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import t from 'tap';
import { daemons, daemonOf, emptyDirectory, ended, mountOn, needsFuse } from '../fixtures/mounted.js';

t.test('two mounts have nothing to do with each other', needsFuse, async (t) => {
  const [one, two] = [await emptyDirectory(t), await emptyDirectory(t)];
  await Promise.all([mountOn(t, one), mountOn(t, two, ['-o', 'strict'])]);
  await mkdir(`${one}/1`);
  t.strictSame((await readdir(two)).sort(), ['0', 'description']);
  await mkdir(`${two}/1`);
  await writeFile(`${one}/1/numtasks/limit`, '200\n');
  t.equal(await readFile(`${two}/1/numtasks/limit`, 'utf8'), '128\n');
  await t.rejects(writeFile(`${two}/1/numtasks/limit`, '200\n'), { code: 'EINVAL' });

  const daemon = daemonOf(one);
  process.kill(daemon, 'SIGTERM');
  await ended(daemon);
  t.equal(daemons(two).length, 1);
  t.equal(await readFile(`${two}/1/numtasks/limit`, 'utf8'), '128\n');
});

t.test('a mount begins anew: what was before is gone', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  await mkdir(`${directory}/1`);
  const daemon = daemonOf(directory);
  process.kill(daemon, 'SIGTERM');
  await ended(daemon);
  await mountOn(t, directory);
  t.strictSame((await readdir(directory)).sort(), ['0', 'description']);
});
