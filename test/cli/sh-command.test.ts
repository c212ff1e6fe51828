/** The command in a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import t from 'tap';
import '../fixtures/covered.js';
import { bash, bcfs, plain, run, TIME_LIMIT } from '../fixtures/command.js';

t.test('bcfs sh -c runs commands', async (t) => {
  for (const [args, code, stdout, stderr] of [
    [
      ['-c', 'mkdir 1; ls; cat 1/numtasks/limit; cat x'],
      1,
      '0\n1\ndescription\n128\n',
      'cat: x: No such file or directory\n',
    ],
    [['-c', 'echo $$ > 0/tasks && exit 7'], 7, '', ''],
    [['-c', 'echo a | cat'], 2, '', "bcfs: syntax error near unexpected token '|'\n"],
    [
      ['-o', 'strict,ro', '-c', 'mkdir x'],
      1,
      '',
      "mkdir: cannot create directory 'x': Read-only file system\n",
    ],
    [['-c', 'x'], 127, '', 'bcfs: x: command not found\n'],
  ] as const) {
    t.strictSame(await run(bcfs, ['sh', ...args]), { code, stdout, stderr }, args.join(' '));
  }
});

t.test('a wrong command line is status 2 and one line', async (t) => {
  for (const args of [['-z'], ['-c'], ['x'], ['-o', 'x', '-c', 'ls']]) {
    const { code, stdout, stderr } = await run(bcfs, ['sh', ...args]);
    t.equal(code, 2, args.join(' '));
    t.equal(stdout, '');
    t.match(stderr, /^bcfs: .*\n$/);
  }
});

t.test('--help tells of options, commands and statuses', async (t) => {
  const { code, stdout } = await run(bcfs, ['sh', '--help']);
  t.equal(code, 0);
  for (const part of [
    '-c <commands>',
    '-o, --options',
    'rmdir [OPTION]... DIRECTORY...',
    'Exit status:',
    'Example:',
  ]) {
    t.match(stdout, part);
  }
});

t.test('commands come from stdin, and each is answered as it comes', async (t) => {
  t.strictSame(await run(bcfs, ['sh'], { input: 'cd 0\nfalse\nexit\n' }), {
    code: 1,
    stdout: '',
    stderr: '',
  });
  const child = spawn(...plain(bcfs, ['sh']), { stdio: ['pipe', 'pipe', 'inherit'], timeout: TIME_LIMIT });
  child.stdin.write('cat 0/id\n');
  const [answer] = (await once(child.stdout, 'data')) as [Buffer];
  t.equal(String(answer), '0\n');
  child.stdin.end('exit 5\n');
  const [code] = (await once(child, 'close')) as [number];
  t.equal(code, 5);
});

t.test('what commands read, and are to write, is that of the process', async (t) => {
  t.hasStrict(await bash(`echo 77 | ${bcfs} sh -c 'cat > 0/numtasks/barrier; cat 0/numtasks/barrier'`), {
    code: 0,
    stdout: '77\n',
  });
  t.hasStrict(await bash(`${bcfs} sh -c 'cat' < /`), { code: 1, stderr: 'cat: -: Is a directory\n' });
  t.hasStrict(await bash(`${bcfs} sh -c 'ls; exit 3' > /dev/full`), {
    code: 3,
    stderr: 'ls: write error: No space left on device\n',
  });
  t.hasStrict(await bash(`${bcfs} sh -c 'ls -R' | head -1; echo \${PIPESTATUS[1]}`), { stdout: '.:\n0\n' });
});

t.test(
  'on a terminal it asks for commands',
  { skip: !existsSync('/usr/bin/script') && 'needs script(1)' },
  async (t) => {
    const { code, stdout } = await run('script', ['-qec', `${bcfs} sh`, '/dev/null'], {
      input: 'mkdir 1; cd 1\nls -d /*\nexit 3\n',
      env: { TERM: 'dumb' },
    });
    t.equal(code, 3);
    t.match(stdout, 'bcfs:/1$ ');
    t.match(stdout, '/0  /1\t/description\r\n');
  },
);
