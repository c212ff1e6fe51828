import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import t from 'tap';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { daemonOf, emptyDirectory, ended, mountpoints, needsFuse } from '../fixtures/mounted.js';

const done: Outcome = { code: 0, stdout: '', stderr: '' };

/** Names of directories that a shell, an option parser or mountinfo could stumble over. */
const names = [
  ' ',
  'tab\tand\nnewline',
  `it's "quoted" $(touch pwned)`,
  ';touch pwned; `touch pwned`',
  'back\\slash\\040',
  '#*?[a-z]',
  'comma,fsname=x,ro',
  '-o',
  '--',
  '--help',
  'ünï 中文 😀',
];

for (const name of names) {
  t.test(`a mountpoint may be called ${JSON.stringify(name)}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    const path = `${directory}/${name}`;
    await mkdir(path);
    t.strictSame(await run(bcfs, ['--', name], { cwd: directory }), done);
    const daemon = daemonOf(path);
    t.strictSame(mountpoints(directory), [path]);
    t.equal(await readFile(`${path}/0/id`, 'utf8'), '0\n');
    t.strictSame(await run(bcfs, ['umount', '--', name], { cwd: directory }), done);
    await ended(daemon);
    t.strictSame(mountpoints(directory), []);
    t.notOk(existsSync(`${directory}/pwned`));
  });
}

t.test('a mountpoint may be called like a subcommand, with a slash', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mkdir(`${directory}/umount`);
  t.strictSame(await run(bcfs, ['./umount'], { cwd: directory }), done);
  t.strictSame(mountpoints(directory), [`${directory}/umount`]);
  t.strictSame(await run(bcfs, ['umount', 'umount'], { cwd: directory }), done);
});

t.test('umount -- -o is no option', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await run(bcfs, ['umount', '--', '-o'], { cwd: directory }), {
    code: 10,
    stdout: '',
    stderr: `bcfs: ${directory}/-o: no such mountpoint; a new one: mkdir -p ${directory}/-o\n`,
  });
});
