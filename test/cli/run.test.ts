import { once } from 'node:events';
import { chmod, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { controlPath } from '../../lib/cli/control-protocol.js';
import { runCommand } from '../../lib/cli/run.js';
import { parseSetting } from '../../lib/cli/setting.js';
import { bcfsAt } from '../../lib/fuse/mount.js';
import '../fixtures/covered.js';
import { bash, bcfs, run, type Outcome } from '../fixtures/command.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveMount } from '../fixtures/live-mount.js';
import { daemonOf, emptyDirectory, mounted, needsFuse, sharedMount } from '../fixtures/mounted.js';
import { program } from '../fixtures/program.js';
import { reader } from '../fixtures/unprivileged.js';

const done = (stdout: string): Outcome => ({ code: 0, stdout, stderr: '' });
const failed = (code: number, message: string): Outcome => ({
  code,
  stdout: '',
  stderr: `bcfs: ${message}\n`,
});

/** The mount of this file, as when it was mounted: beancounter 7 goes with the test. */
async function emptyMount(t: Test): Promise<string> {
  const mount = await sharedMount();
  t.teardown(() => rmdir(`${mount}/7`).catch(() => undefined));
  return mount;
}

const ls = async (path: string) => (await run('ls', [path])).stdout.split('\n').filter(Boolean);
const read = (path: string) => readFile(path, 'utf8');

/** The parameters of a resource, barrier first. */
async function parameters(path: string): Promise<string> {
  return `${await read(`${path}/barrier`)}${await read(`${path}/limit`)}`;
}

t.test(
  'the command runs in a beancounter that is made, with the parameters that are set',
  needsFuse,
  async (t) => {
    const mount = await emptyMount(t);
    // What the shell forks is charged to where the shell is.
    const script = `true; cat ${mount}/7/numtasks/held ${mount}/7/numtasks/limit`;
    t.strictSame(
      await run(bcfs, [
        'run',
        '--set',
        'numtasks=30',
        '--set',
        'physpages=100M:120M',
        `${mount}/7`,
        '--',
        'bash',
        '-c',
        `${script}; true`,
      ]),
      done('0\n30\n'),
    );
    t.equal(await parameters(`${mount}/7/numtasks`), '30\n30\n');
    t.equal(await parameters(`${mount}/7/physpages`), '25600\n30720\n');
    t.strictSame(await ls(mount), ['0', '7', 'description']);
  },
);

t.test('it is moved there before it starts', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  await mkdir(`${mount}/7`);
  // The directory goes, and the beancounter lives for as long as the command is in it.
  const script = `
    set -e
    "${bcfs}" run --set numfiles=11:12 ${mount}/7 -- sleep 20 & pid=$!
    until [ "$(tr '\\0' ' ' < /proc/$pid/cmdline)" = 'sleep 20 ' ]; do sleep 0.05; done
    rmdir ${mount}/7; mkdir ${mount}/7; cat ${mount}/7/numfiles/limit
    kill $pid; wait $pid || true
    rmdir ${mount}/7; mkdir ${mount}/7; cat ${mount}/7/numfiles/limit`;
  t.strictSame(await bash(script), done('12\n512\n'));
});

t.test('the dialect of the mount does not matter', needsFuse, async (t) => {
  const mount = await mounted(t, ['-o', 'strict']);
  t.strictSame(
    await run(bcfs, ['run', '--set', 'numtasks=3', `${mount}/7`, 'cat', `${mount}/7/numtasks/limit`]),
    done('3\n'),
  );
});

t.test('a beancounter is found by any path of it', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const paths = ['7', './7', '../' + mount.split('/').pop()! + '/7', `${mount}//7/`, '0/../7'];
  for (const path of paths) {
    t.strictSame(await run(bcfs, ['run', path, '--', 'echo', 'x'], { cwd: mount }), done('x\n'), path);
  }
  t.strictSame(await ls(mount), ['0', '7', 'description']);
});

t.test('whatever the parameters are, barrier is never above limit on the way', needsFuse, async (t) => {
  // Its own, for this process itself is moved.
  const mount = await mounted(t);
  const limits = ['0', '5', '5:9', '9', '9:20', '30:unlimited', 'unlimited', '1:2'];
  for (const from of limits) {
    for (const to of limits) {
      if (from === to) continue;
      const path = `${mount}/7/numtasks`;
      await mkdir(`${mount}/7`).catch(() => undefined);
      const [barrier = '', limit = barrier] = from.replaceAll('unlimited', String(2n ** 63n - 1n)).split(':');
      await writeFile(`${path}/barrier`, '0');
      await writeFile(`${path}/limit`, limit);
      await writeFile(`${path}/barrier`, barrier);
      await runCommand(`${mount}/7`, ['true'], { set: parseSetting(`numtasks=${to}`) }, () => undefined);
      const expected = to.replaceAll('unlimited', String(2n ** 63n - 1n)).split(':');
      t.equal(await parameters(path), `${expected[0]}\n${expected.at(-1)}\n`, `from ${from} to ${to}`);
    }
  }
});

t.test('where threads do not move alone, the process is moved', needsFuse, async (t) => {
  const { mountpoints, run: evaluate } = await program(
    t,
    `
      const moved = [];
      const tree = beancounterTree(new Registry(), {
        source: {
          move: (pid, bc) => moved.push([pid, bc.id]),
          moveThread: () => {
            throw new bcfs.BcfsError('EOPNOTSUPP', 'whole processes only');
          },
        },
      });`,
  );
  await runCommand(`${mountpoints[0]!}/7`, ['true'], {}, () => undefined);
  t.strictSame(await evaluate('moved'), [[process.pid, 7]]);
});

t.test('the exit status and the signal are the command’s', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  t.strictSame(await run(bcfs, ['run', `${mount}/7`, '--', 'bash', '-c', 'exit 42']), {
    code: 42,
    stdout: '',
    stderr: '',
  });
  const killed = await bash(`"${bcfs}" run ${mount}/7 -- bash -c 'kill -TERM $$'; echo $?`);
  t.equal(killed.stdout, '143\n');
  const { stdout } = await bash(`"${bcfs}" run ${mount}/7 -- bash -c 'echo $$' & pid=$!; wait; echo $pid`);
  const [within, without] = stdout.split('\n');
  t.equal(within, without, 'and so is the pid');
});

t.test('nothing of Node is left: signals, open files, descriptors, environment', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const start = `"${bcfs}" run ${mount}/7 --`;
  const same = async (script: string, title: string) => {
    const { stdout } = await bash(script);
    const [without, within] = stdout.split('==\n');
    t.ok(without, title);
    t.equal(within, without, title);
  };
  await same(
    `grep -E 'Sig(Blk|Ign)' /proc/self/status; echo ==; ${start} grep -E 'Sig(Blk|Ign)' /proc/self/status; true`,
    'signals',
  );
  for (const limit of [100, 1000]) {
    await same(
      `ulimit -Sn ${limit}; bash -c 'ulimit -Sn; ulimit -Hn'; echo ==; ${start} bash -c 'ulimit -Sn; ulimit -Hn'; true`,
      'open files',
    );
  }
  await same(
    `ulimit -n 100; bash -c 'ulimit -Sn; ulimit -Hn'; echo ==; ${start} bash -c 'ulimit -Sn; ulimit -Hn'; true`,
    'open files with their hard limit',
  );
  await same('env | grep -v ^_=; echo ==; ' + start + ' env | grep -v ^_=', 'environment');
  await same(
    `exec 3</etc/passwd 5>/dev/null 15>&1 40<&0; ls /proc/self/fd; echo ==; ${start} ls /proc/self/fd; true`,
    'descriptors',
  );
  // A pipe whose reader has gone ends who writes, without a word.
  t.strictSame(await bash(`${start} yes | head -1; echo "\${PIPESTATUS[0]}"`), done('y\n141\n'));
});

t.test('standard streams block, as they did', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const script = `"${bcfs}" run ${mount}/7 -- bash -c 'for fd in 0 1 2; do grep ^flags: /proc/self/fdinfo/$fd; done'`;
  const { stdout } = await bash(`sleep 1 | ${script} 2>&1 | cat`);
  const flags = stdout.split('\n').filter(Boolean);
  t.equal(flags.length, 3);
  for (const line of flags) t.notMatch(line, /[4567]\d{3}$/, line);
});

t.test('a terminal is the command’s', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const command = 'bash -c "test -t 0 && test -t 1 && test -t 2 && echo terminal; ls /proc/self/fd; stty -a"';
  const within = await run('script', ['-qec', `${bcfs} run ${mount}/7 -- ${command}`, '/dev/null']);
  t.match(within.stdout, /^terminal\r\n/);
  t.strictSame(within, await run('script', ['-qec', command, '/dev/null']), 'and nothing else is open');
});

t.test('arguments pass as they are, whatever bytes they have', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const { stdout } = await bash(`
    export BYTES=$'\\xfe'
    "${bcfs}" run ${mount}/7 -- bash -c 'printf "<%s>" "$0" "$@" "$BYTES"' $'a\\xff' '' -- --set 'two words' $'two\\nlines' é | od -An -tx1 | tr -d ' \\n'`);
  const bytes = Buffer.from(stdout, 'hex').toString('latin1');
  t.equal(bytes, `<a\xff><><--><--set><two words><two\nlines><${Buffer.from('é').toString('latin1')}><\xfe>`);
  t.strictSame(
    await run(bcfs, ['run', `${mount}/7`, 'echo', '--', 'x', '--help']),
    done('-- x --help\n'),
    'without --',
  );
  t.strictSame(await run(bcfs, ['run', '--', `${mount}/7`, 'echo', 'x']), done('x\n'), 'with -- before all');
});

t.test(
  'a command that is not there or cannot be executed is told before anything is made',
  needsFuse,
  async (t) => {
    const mount = await emptyMount(t);
    const directory = await emptyDirectory(t);
    await mkdir(`${directory}/directory`);
    await writeFile(`${directory}/not-a-program`, '');
    const env = { PATH: `${process.env['PATH']!}:${directory}` };
    const cases: [name: string, code: number, message: string][] = [
      ['no-such-command', 127, 'no-such-command: no such command'],
      ['./no-such-command', 127, './no-such-command: no such command'],
      ['', 127, "'': no such command"],
      ['/dev/null/x', 127, '/dev/null/x: no such command'],
      [
        `${directory}/not-a-program`,
        126,
        `${directory}/not-a-program: cannot be executed: Permission denied`,
      ],
      ['not-a-program', 126, 'not-a-program: cannot be executed: Permission denied'],
      [directory, 126, `${directory}: cannot be executed: Permission denied`],
    ];
    for (const [name, code, message] of cases) {
      t.strictSame(
        await run(bcfs, ['run', '--set', 'numtasks=3', `${mount}/7`, '--', name], { env }),
        failed(code, message),
      );
    }
    t.strictSame(await ls(mount), ['0', 'description']);
  },
);

t.test('what only execve finds out is undone', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const script = `${await emptyDirectory(t)}/script`;
  await writeFile(script, '#!/no/such/interpreter\n');
  await chmod(script, 0o755);
  t.strictSame(
    await run(bcfs, ['run', '--set', 'numtasks=3', `${mount}/7`, '--', script]),
    failed(127, `${script}: no such command`),
  );
  t.strictSame(await ls(mount), ['0', 'description']);
  t.equal((await bash(`exec 5>/dev/null; "${bcfs}" run ${mount}/7 -- ${script}`)).code, 127);
  await mkdir(`${mount}/7`);
  t.equal(
    (await run(bcfs, ['run', '--set', 'numtasks=3:200', '--set', 'numfiles=5', `${mount}/7`, '--', script]))
      .code,
    127,
  );
  t.equal(await parameters(`${mount}/7/numtasks`), '128\n128\n');
  t.equal(await parameters(`${mount}/7/numfiles`), '256\n512\n');
});

t.test('a script without #! is read by sh, as by every shell', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const script = `${await emptyDirectory(t)}/script`;
  await writeFile(script, 'echo "$1"\n');
  await chmod(script, 0o755);
  t.strictSame(await run(bcfs, ['run', `${mount}/7`, '--', script, 'x']), done('x\n'));
});

t.test('what is refused is one line, and nothing is left of it', needsFuse, async (t) => {
  const mount = await emptyMount(t);
  const cases: [args: string[], code: number, message: string][] = [
    [
      ['--set', 'nothing=3', `${mount}/7`],
      1,
      `${mount}/0/nothing/limit: no resource nothing: No such file or directory`,
    ],
    [[`${mount}/4294967296`], 1, `${mount}/4294967296: cannot make it: Invalid argument`],
    [[`${mount}/01`], 1, `${mount}/01: cannot make it: Invalid argument`],
    [[`${mount}/x`], 1, `${mount}/x: not a beancounter; it is to be MOUNT/ID`],
    [[`${mount}/..`], 1, `${mount}/..: not a beancounter; it is to be MOUNT/ID`],
    [[`${mount}/7/numtasks`], 10, `${mount}/7: no such mountpoint; a new one: mkdir -p ${mount}/7`],
    [[`${mount}/0/numtasks`], 17, `${mount}/0: no bcfs is mounted there; see: findmnt -t fuse.bcfs`],
    [['/proc/7'], 17, '/proc: no bcfs is mounted there; see: findmnt -t fuse.bcfs'],
    [['/7'], 17, '/: no bcfs is mounted there; see: findmnt -t fuse.bcfs'],
    [
      ['/no-such-directory/7'],
      10,
      '/no-such-directory: no such mountpoint; a new one: mkdir -p /no-such-directory',
    ],
    [[''], 10, 'the mountpoint is an empty string'],
  ];
  for (const [args, code, message] of cases) {
    t.strictSame(await run(bcfs, ['run', ...args, '--', 'true']), failed(code, message), args.join(' '));
  }
  t.strictSame(await ls(mount), ['0', 'description']);
});

t.test('a command line without a command is wrong', async (t) => {
  t.strictSame(await run(bcfs, ['run', '/x/7', '--']), failed(2, 'no command to run; see: bcfs run --help'));
  t.strictSame(
    await run(bcfs, ['run', '/x/7', '--set', 'numtasks=3', '--', 'true']),
    failed(2, '--set: options stand before /x/7; see: bcfs run --help'),
  );
});

t.test('a mount that refuses every change', needsFuse, async (t) => {
  const mount = await mounted(t, ['-o', 'ro']);
  t.strictSame(
    await run(bcfs, ['run', `${mount}/7`, '--', 'true']),
    failed(1, `${mount}/7: cannot make it: Read-only file system`),
  );
  t.strictSame(
    await run(bcfs, ['run', '--set', 'numtasks=3', `${mount}/0`, '--', 'true']),
    failed(1, `${mount}/0/numtasks/barrier: cannot set 3: Read-only file system`),
  );
  t.strictSame(
    await run(bcfs, ['run', `${mount}/0`, '--', 'true']),
    failed(1, `${mount}/0/threads: cannot move there: Read-only file system`),
  );
});

t.test('others than root need the rights of the files', needsFuse, async (t) => {
  const mount = await mounted(t, ['-o', 'allow_other']);
  await run('chmod', ['755', mount.replace(/\/[^/]*$/, '')]);
  await run('chmod', ['755', mount]);
  t.strictSame(
    await run('env', [...reader, bcfs, 'run', `${mount}/7`, '--', 'true']),
    failed(15, `${mount}/7: cannot make it: Permission denied`),
  );
});

t.test('a mount that hangs is not waited for', needsFuse, async (t) => {
  const mount = await mounted(t);
  const daemon = daemonOf(mount);
  process.kill(daemon, 'SIGSTOP');
  t.teardown(() => process.kill(daemon, 'SIGCONT'));
  t.strictSame(
    await run(bcfs, ['run', `${mount}/7`, '--', 'true']),
    failed(16, `${mount}/7: cannot make it: the mount does not answer`),
  );
  process.kill(daemon, 'SIGCONT');
});

t.test('a daemon that has too many clients is asked again', { ...needsFuse, ...needsCgroup }, async (t) => {
  const mount = await liveMount(t);
  const path = controlPath(bcfsAt(mount).device);
  const sockets = Array.from({ length: 64 }, () => connect(path));
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  setTimeout(() => sockets.forEach((socket) => socket.destroy()), 500);
  t.teardown(() => writeFile(`${mount}/0/tasks`, `${process.pid}`));
  await runCommand(`${mount}/7`, ['true'], {}, () => undefined);
  t.equal(await read(`${mount}/7/numtasks/held`), '1\n', 'this process, charged');
});
