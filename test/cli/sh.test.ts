/** The subcommand in this process, connected to files and streams of the test. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import t, { type Test } from 'tap';
import { defaultSettings } from '../../lib/cli/mount-options.js';
import { processStdio, readAll, shCommand, writeAll, type ShFlags, type Stdio } from '../../lib/cli/sh.js';
import { errno, isErrno } from '../../lib/errors.js';
import { run, type Outcome } from '../fixtures/command.js';
import { until } from '../fixtures/mounted.js';

/** Runs the subcommand; what it reads as descriptor 0, and what is typed at it line by line. */
async function sh(
  t: Test,
  flags: ShFlags,
  { input = '', typed = [], terminal = false }: { input?: string; typed?: string[]; terminal?: boolean } = {},
): Promise<Outcome & { shown: string }> {
  const dir = t.testdir({ in: input, out: '', err: '' });
  const fds = [openSync(`${dir}/in`, 'r'), openSync(`${dir}/out`, 'a'), openSync(`${dir}/err`, 'a')] as const;
  const keys = new PassThrough();
  const screen = Object.assign(new PassThrough(), { columns: 80 });
  for (const line of typed) keys.write(line);
  keys.end();
  const stdio: Stdio = {
    fds,
    terminal: terminal ? screen : undefined,
    interactive: terminal,
    input: () => keys,
  };
  const code = await shCommand(flags, stdio);
  fds.forEach((fd) => closeSync(fd));
  screen.end();
  const shown = stripVTControlCharacters(String((screen.read() as Buffer | null) ?? ''));
  return {
    code,
    stdout: readFileSync(`${dir}/out`, 'utf8'),
    stderr: readFileSync(`${dir}/err`, 'utf8'),
    shown,
  };
}

t.test('-c runs commands, and ends with the status of the last', async (t) => {
  t.hasStrict(await sh(t, { c: 'ls; mkdir x; cat', options: defaultSettings() }, { input: 'a\n' }), {
    code: 0,
    stdout: '0\ndescription\na\n',
    stderr: "mkdir: cannot create directory 'x': Invalid argument\n",
  });
  t.hasStrict(await sh(t, { c: 'cat x' }), { code: 1, stderr: 'cat: x: No such file or directory\n' });
  t.hasStrict(await sh(t, { c: '' }), { code: 0, stdout: '', stderr: '' });
});

t.test('the options are those of the mount', async (t) => {
  const options = { ...defaultSettings(), uid: 54321, gid: 54322 };
  t.match((await sh(t, { c: 'ls -ld 0', options })).stdout, /^drwxr-xr-x 7 54321 54322 /);
  t.equal(
    (await sh(t, { c: 'mkdir 01; ls', options: { ...options, strict: true } })).stdout,
    '0\n01\ndescription\n',
  );
  t.hasStrict(await sh(t, { c: 'mkdir 1', options: { ...options, ro: true } }), {
    code: 1,
    stderr: "mkdir: cannot create directory '1': Read-only file system\n",
  });
});

t.test('tasks are those of this machine, until they end', async (t) => {
  const child = spawn('sleep', ['20']);
  t.teardown(() => child.kill());
  const dir = t.testdir({ out: '', err: '' });
  const fds = [0, openSync(`${dir}/out`, 'a'), openSync(`${dir}/err`, 'a')] as const;
  const keys = new PassThrough();
  const code = shCommand({}, { fds, terminal: undefined, interactive: false, input: () => keys });
  const out = () => readFileSync(`${dir}/out`, 'utf8');

  keys.write(`echo ${child.pid} > 0/tasks; cat 0/numtasks/held\n`);
  await until('the task is held', () => out() === '1\n');
  child.kill();
  await once(child, 'close');
  keys.end(`cat 0/numtasks/held; echo ${child.pid} > 0/tasks; echo $$ > 0/tasks`);
  t.equal(await code, 0);
  t.equal(out(), '1\n0\n');
  t.equal(readFileSync(`${dir}/err`, 'utf8'), 'bcfs: echo: write error: No such process\n');
  closeSync(fds[1]);
  closeSync(fds[2]);
});

t.test('without -c it reads lines, and runs each when it is whole', async (t) => {
  t.hasStrict(await sh(t, {}, { typed: ['mkdir 1 &&\n', "echo 'a\n", "b'; cat\n", 'ls -d 1'] }), {
    code: 0,
    stdout: 'a\nb\n1\n',
    stderr: '',
    shown: '',
  });
  t.hasStrict(await sh(t, {}, { typed: ['echo a\nexit 7\necho b\n'] }), {
    code: 7,
    stdout: 'a\n',
    stderr: '',
  });
  t.hasStrict(await sh(t, {}, { typed: ['echo a\necho |\necho b\n'] }), {
    code: 2,
    stdout: 'a\n',
    stderr: "bcfs: syntax error near unexpected token '|'\n",
  });
  t.hasStrict(await sh(t, {}, { typed: ["echo 'a\n"] }), {
    code: 2,
    stdout: '',
    stderr: "bcfs: unexpected EOF while looking for matching '''\n",
  });
});

t.test('on a terminal it asks, and forgives', async (t) => {
  const typed = ['mkdir 1; cd 1\n', 'echo |\n', 'echo "a\n', 'b"\n', 'echo c\x03', 'echo $?; ls\n'];
  const { code, stdout, stderr, shown } = await sh(t, {}, { typed, terminal: true });
  t.equal(stdout, 'a\nb\n130\nid  kmemsize  numfiles\tnumtasks  physpages  privvmpages  tasks  threads\n');
  t.equal(stderr, "bcfs: syntax error near unexpected token '|'\n");
  t.equal(
    shown.replaceAll('\r', ''),
    [
      'bcfs:/$ mkdir 1; cd 1\n',
      'bcfs:/1$ echo |\n',
      'bcfs:/1$ echo "a\n',
      '> b"\n',
      'bcfs:/1$ echo c\n',
      // After ^C the prompt is drawn twice, in the same place.
      'bcfs:/1$ bcfs:/1$ echo $?; ls\n',
      'bcfs:/1$ \n',
    ].join(''),
  );
  t.equal(code, 0);
  const ended = await sh(t, {}, { typed: ['exit 3\n'], terminal: true });
  t.equal(ended.code, 3);
  t.equal(ended.shown.replaceAll('\r', ''), 'bcfs:/$ exit 3\n');
});

t.test('all is written and read, also where a pipe does not wait', async (t) => {
  const fifo = `${t.testdir()}/fifo`;
  t.equal((await run('mkfifo', [fifo])).code, 0);
  const full = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const reader = run('bash', ['-c', `head -c 1000000 ${fifo} | wc -c`]);
  t.equal(writeAll(full, Buffer.alloc(1_000_000, 'a')), 0);
  t.hasStrict(await reader, { code: 0, stdout: '1000000\n' });
  closeSync(full);

  const empty = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const end = openSync(fifo, constants.O_WRONLY);
  const writer = spawn('head', ['-c', '1000000', '/dev/zero'], { stdio: ['ignore', end, 'ignore'] });
  closeSync(end);
  const read = readAll(empty);
  t.equal(isErrno(read) ? read : read.length, 1_000_000);
  closeSync(empty);
  t.strictSame(await once(writer, 'close'), [0, null]);
});

t.test('what cannot be read or written says why', (t) => {
  const fd = openSync('/dev/full', 'w');
  t.equal(writeAll(fd, Buffer.from('a')), -errno.ENOSPC);
  t.equal(writeAll(fd, new Uint8Array()), 0);
  closeSync(fd);
  const dir = openSync(t.testdir(), 'r');
  t.equal(readAll(dir), -errno.EISDIR);
  closeSync(dir);
  const file = `${t.testdir()}/file`;
  writeFileSync(file, 'abc');
  const open = openSync(file, 'r');
  t.equal(String(readAll(open)), 'abc');
  closeSync(open);
  t.end();
});

t.test('the process is connected to its own descriptors', (t) => {
  for (const terminals of [[], [0], [1], [0, 1]]) {
    const { fds, terminal, interactive, input } = processStdio((fd) => terminals.includes(fd));
    t.strictSame(fds, [0, 1, 2]);
    t.equal(terminal, terminals.includes(1) ? process.stdout : undefined);
    t.equal(interactive, terminals.length === 2);
    t.equal(input(), process.stdin);
  }
  t.end();
});
