import { mkdir, symlink, writeFile } from 'node:fs/promises';
import t from 'tap';
import '../fixtures/covered.js';
import { bcfs, run } from '../fixtures/command.js';
import { emptyDirectory, mountOn, mountpoints, needsFuse } from '../fixtures/mounted.js';

/** What is wrong with a mountpoint below a directory D that has what `prepare` makes. */
interface Case {
  readonly title: string;
  readonly prepare?: (directory: string) => Promise<unknown>;
  readonly mountpoint: string;
  readonly args?: readonly string[];
  readonly code: number;
  readonly message: string;
}

const cases: Case[] = [
  {
    title: 'there is none',
    mountpoint: 'D/new',
    code: 10,
    message: 'D/new: no such mountpoint; a new one: mkdir -p D/new',
  },
  {
    title: 'there is not even where it would be',
    mountpoint: 'D/a/b',
    code: 10,
    message: 'D/a/b: no such mountpoint; a new one: mkdir -p D/a/b',
  },
  {
    title: 'a symbolic link leads nowhere',
    prepare: (directory) => symlink('nowhere', `${directory}/link`),
    mountpoint: 'D/link',
    code: 10,
    message: 'D/link: no such mountpoint; a new one: mkdir -p D/link',
  },
  {
    title: 'it needs quotes',
    mountpoint: "D/it's $(new)",
    code: 10,
    message: "D/it's $(new): no such mountpoint; a new one: mkdir -p 'D/it'\\''s $(new)'",
  },
  {
    title: 'it has two lines',
    mountpoint: 'D/two\nlines',
    code: 10,
    message: "D/two\\nlines: no such mountpoint; a new one: mkdir -p 'D/two\\nlines'",
  },
  { title: 'it is empty', mountpoint: '', code: 10, message: 'the mountpoint is an empty string' },
  {
    title: 'it is a file',
    prepare: (directory) => writeFile(`${directory}/file`, ''),
    mountpoint: 'D/file',
    code: 11,
    message: 'D/file: not a directory',
  },
  {
    title: 'a file is on the way there',
    prepare: (directory) => writeFile(`${directory}/file`, ''),
    mountpoint: 'D/file/below',
    code: 11,
    message: 'D/file/below: not a directory',
  },
  {
    title: 'it is not empty',
    prepare: (directory) => mkdir(`${directory}/full/of`, { recursive: true }),
    mountpoint: 'D/full',
    code: 12,
    message: 'D/full: not empty; mount elsewhere, or hide what is there with -o nonempty',
  },
  {
    title: 'symbolic links go round',
    prepare: (directory) => symlink('round', `${directory}/round`),
    mountpoint: 'D/round',
    code: 1,
    message: "ELOOP: too many symbolic links encountered, realpath 'D/round'",
  },
  {
    title: 'it is longer than fuse-native takes',
    prepare: (directory) => mkdir(directory + `/${'d'.repeat(250)}`.repeat(4), { recursive: true }),
    mountpoint: 'D' + `/${'d'.repeat(250)}`.repeat(4),
    args: ['--transport', 'fuse-native'],
    code: 1,
    message: `D${`/${'d'.repeat(250)}`.repeat(4)}: longer than the 1023 bytes of fuse-native`,
  },
];

for (const { title, prepare, mountpoint, args = [], code, message } of cases) {
  t.test(`a mountpoint is refused: ${title}`, needsFuse, async (t) => {
    const directory = await emptyDirectory(t);
    await prepare?.(directory);
    const here = (text: string) => text.replaceAll('D', directory);
    for (const flags of [[], ['-f']]) {
      t.strictSame(await run(bcfs, [...flags, ...args, here(mountpoint)]), {
        code,
        stdout: '',
        stderr: `bcfs: ${here(message)}\n`,
      });
    }
    t.strictSame(mountpoints(directory), [], 'nothing is mounted');
  });
}

t.test('a mountpoint is refused: a bcfs is mounted there', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  for (const args of [
    [directory],
    ['-f', directory],
    ['-o', 'nonempty', directory],
    ['-d', `${directory}/.`],
  ]) {
    t.strictSame(await run(bcfs, args), {
      code: 13,
      stdout: '',
      stderr: `bcfs: ${directory}: a bcfs is mounted there already; end it with: bcfs umount ${directory}\n`,
    });
  }
  t.strictSame(mountpoints(directory), [directory], 'once');
});

t.test('a mountpoint is refused: something else is mounted there', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await run('mount', ['-t', 'tmpfs', 'none', directory]);
  t.teardown(() => run('umount', [directory]));
  for (const args of [[directory], ['-o', 'nonempty', directory]]) {
    t.strictSame(await run(bcfs, args), {
      code: 13,
      stdout: '',
      stderr: `bcfs: ${directory}: in use, a tmpfs is mounted there; mount elsewhere, or unmount it first\n`,
    });
  }
  t.strictSame(mountpoints(directory), [directory], 'once');
});

t.test('a mountpoint is refused: it is in a bcfs', needsFuse, async (t) => {
  const directory = await emptyDirectory(t);
  await mountOn(t, directory);
  t.strictSame(await run(bcfs, [`${directory}/0`]), {
    code: 12,
    stdout: '',
    stderr: `bcfs: ${directory}/0: not empty; mount elsewhere, or hide what is there with -o nonempty\n`,
  });
  t.strictSame(await run(bcfs, [`${directory}/description`]), {
    code: 11,
    stdout: '',
    stderr: `bcfs: ${directory}/description: not a directory\n`,
  });
});

t.test('a log is refused that cannot be written', async (t) => {
  const directory = await emptyDirectory(t);
  t.strictSame(await run(bcfs, ['--log', `${directory}/a/log`, directory]), {
    code: 2,
    stdout: '',
    stderr: `bcfs: --log: ENOENT: no such file or directory, open '${directory}/a/log'\n`,
  });
  t.strictSame(mountpoints(directory), [], 'nothing is mounted');
});
