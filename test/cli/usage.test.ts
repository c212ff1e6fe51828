import t from 'tap';
import { readFileSync } from 'node:fs';
import '../fixtures/covered.js';
import { bash, bcfs, root, run } from '../fixtures/command.js';
import { preloaded } from '../fixtures/foreground.js';

const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };

const options =
  'ro rw allow_other nonempty strict auto_unmount noauto_unmount watchdog= uid= gid= interval= cgroup= oom trust ' +
  'noexec nosuid nodev noatime defaults auto noauto nofail _netdev';
const noSuchOption = (option: string) => `-o ${option}: no such option; there are: ${options}`;
const notSeconds = (option: string) => `-o ${option}: not a number of seconds from 0.1 to 3600`;
const notAName = (option: string) => `-o ${option}: not the name of one directory`;
const notAnOwner = (option: string) => `-o ${option}: not a number from 0 to 4294967294`;

/** What is wrong with a command line: its arguments, and what the one line says before the advice. */
const errors: [args: string[], message: string][] = [
  [[], "missing required argument 'mountpoint'"],
  [['--'], "missing required argument 'mountpoint'"],
  [['a', 'b'], 'too many arguments. Expected 1 argument but got 2'],
  [['-z', 'a'], "unknown option '-z'"],
  [['--foregroud', 'a'], "unknown option '--foregroud' (Did you mean --foreground?)"],
  [['--foreground=x', 'a'], "unknown option '--foreground=x' (Did you mean --foreground?)"],
  [['-o'], "option '-o, --options <opt[,opt…]>' argument missing"],
  [['--log'], "option '-l, --log <file>' argument missing"],
  [['-o', 'foo', 'a'], noSuchOption('foo')],
  [['-o', 'ro,foo=1,bar', 'a'], noSuchOption('foo=1')],
  [['-o', 'ro', '-ofoo', 'a'], noSuchOption('foo')],
  [['-o', 'RO', 'a'], noSuchOption('RO')],
  [['-o', 'ro=1', 'a'], noSuchOption('ro=1')],
  [['-o', 'uid', 'a'], noSuchOption('uid')],
  [['-o', '__proto__', 'a'], noSuchOption('__proto__')],
  [['-o', 'constructor', 'a'], noSuchOption('constructor')],
  [['-o', 'two\nlines', 'a'], noSuchOption('two\\nlines')],
  [['-o', 'uid=', 'a'], notAnOwner('uid=')],
  [['-o', 'uid=root', 'a'], notAnOwner('uid=root')],
  [['-o', 'uid=-1', 'a'], notAnOwner('uid=-1')],
  [['-o', 'gid=4294967295', 'a'], notAnOwner('gid=4294967295')],
  [['-o', 'interval=', 'a'], notSeconds('interval=')],
  [['-o', 'interval=1s', 'a'], notSeconds('interval=1s')],
  [['-o', 'interval=0.09', 'a'], notSeconds('interval=0.09')],
  [['-o', 'interval=3600.1', 'a'], notSeconds('interval=3600.1')],
  [['-o', 'interval=1e2', 'a'], notSeconds('interval=1e2')],
  [['-o', 'cgroup=', 'a'], notAName('cgroup=')],
  [['-o', 'cgroup=..', 'a'], notAName('cgroup=..')],
  [['-o', 'cgroup=a/b', 'a'], notAName('cgroup=a/b')],
  [['-o', `cgroup=${'ä'.repeat(128)}`, 'a'], notAName(`cgroup=${'ä'.repeat(128)}`)],
  [['-o', 'oom=1', 'a'], noSuchOption('oom=1')],
  [['--host', 'v2', 'a'], 'Allowed choices are auto, cgroup, procfs, none'],
  [['status'], "missing required argument 'mountpoint'"],
  [['ps', 'a', 'b'], "too many arguments for 'ps'. Expected 1 argument but got 2"],
  [['events', '--follow', 'a'], "unknown option '--follow'"],
  [['which'], "missing required argument 'pid'"],
  [['which', '0'], '0: not a pid'],
  [['which', '-1'], '-1: not a pid'],
  [['which', '12345678901234567'], '12345678901234567: not a pid'],
  [['run'], "missing required argument 'bc'"],
  [['run', 'a/1'], "missing required argument 'command'"],
  [['run', '--set'], "option '--set <resource=value>' argument missing"],
  [
    ['run', '--set', 'numtasks', 'a/1', 'true'],
    '--set numtasks: it is to be RESOURCE=VALUE or RESOURCE=BARRIER:LIMIT',
  ],
  [['umount'], "missing required argument 'mountpoint'"],
  [['umount', 'a', 'b'], "too many arguments for 'umount'. Expected 1 argument but got 2"],
  [['umount', '-z', 'a'], "unknown option '-z'"],
  [['help', 'mount'], 'no such command: mount'],
  [['help', 'a', 'b'], "too many arguments for 'help'. Expected 1 argument but got 2"],
];

for (const [args, message] of errors) {
  t.test(`a usage error: bcfs ${JSON.stringify(args)}`, async (t) => {
    t.strictSame(await run(bcfs, args), {
      code: 2,
      stdout: '',
      stderr: `bcfs: ${message}; see: bcfs --help\n`,
    });
  });
}

t.test('--version prints the version', async (t) => {
  for (const flag of ['--version', '-V']) {
    t.strictSame(await run(bcfs, [flag]), { code: 0, stdout: `${version}\n`, stderr: '' });
  }
});

t.test('--help names every option, every command and every exit code', async (t) => {
  const { code, stdout, stderr } = await run(bcfs, ['--help']);
  t.strictSame({ code, stderr }, { code: 0, stderr: '' });
  for (const text of [
    'Usage: bcfs [options] <mountpoint>\n       bcfs <command> [options] [arguments]\n',
    '-V, --version',
    '-f, --foreground',
    '-d, --debug',
    '-l, --log <file>',
    '-o, --options <opt[,opt…]>       mount options\n',
    '-h, --help',
    'umount [options] <mountpoint>',
    'status [options] <mountpoint>',
    'ps [options] <mountpoint>',
    'which <pid> [mountpoint]',
    'events [options] <mountpoint>',
    'run [options] <bc> <command...>',
    'help [command]',
    ...[
      'ro, rw',
      'allow_other',
      'nonempty',
      'uid=N, gid=N',
      'strict',
      'interval=',
      'cgroup=',
      'oom',
      'trust',
      'noexec, nosuid, nodev, noatime',
    ],
    ...[
      '0 done',
      '1 failed',
      '2 usage',
      '10 no',
      '11 not',
      '12 not',
      '13 mounted',
      '14 no',
      '15 not',
      '16 a',
      '17 no',
    ],
  ]) {
    t.ok(stdout.includes(text), text);
  }
  t.notMatch(stdout, /[{}]|default:.*\{/, 'no JSON');
  for (const line of stdout.split('\n')) t.ok(line.length <= 110, line);
});

t.test('help prints what --help prints, of the command and of each subcommand', async (t) => {
  t.strictSame(await run(bcfs, ['help']), await run(bcfs, ['--help']));
  const umount = await run(bcfs, ['umount', '--help']);
  t.equal(umount.code, 0);
  t.match(umount.stdout, /^Usage: bcfs umount \[options\] <mountpoint>\n[^]*-l, --lazy/);
  t.strictSame(await run(bcfs, ['help', 'umount']), umount);
});

/** What goes wrong with standard output, which is the shell's descriptor 3. */
const outputs: [title: string, open: string, message: string][] = [
  ['whose reader has gone', '3> >(true); wait $!', 'write EPIPE'],
  ['that is full', '3> /dev/full', 'ENOSPC: no space left on device, write'],
];

for (const [title, open, message] of outputs) {
  t.test(`an output ${title} is one line`, async (t) => {
    t.strictSame(await bash(`exec ${open}; "${bcfs}" --help >&3`), {
      code: 1,
      stdout: '',
      stderr: `bcfs: output: ${message}\n`,
    });
  });
}

t.test('a mistake in the command is one line', async (t) => {
  const broken = preloaded(`
    import childProcess from 'node:child_process';
    import { syncBuiltinESMExports } from 'node:module';
    childProcess.fork = () => { throw new Error('no fork'); };
    syncBuiltinESMExports();`);
  t.strictSame(await run(bcfs, ['/nowhere'], broken), { code: 1, stdout: '', stderr: 'bcfs: no fork\n' });
});
