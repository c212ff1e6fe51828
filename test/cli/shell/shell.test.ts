import t from 'tap';
import { createShell, type Environment } from '../../../lib/cli/shell/shell.js';
import { errno } from '../../../lib/errors.js';
import { runIn, treeOperations } from './shells.js';

t.test('the session of the README works as printed', (t) => {
  const { code, stdout, stderr } = runIn(
    treeOperations(),
    `ls
     mkdir 1
     ls -C /1
     cat /1/numtasks/limit
     echo 200 > /1/numtasks/limit && echo 150 > /1/numtasks/barrier
     echo 500 > /1/numtasks/barrier
     echo $$ > /1/tasks
     cat /1/numtasks/held
     rmdir /1`,
  );
  t.equal(
    stdout,
    '0\ndescription\nid  kmemsize  numfiles\tnumtasks  physpages  privvmpages  tasks  threads\n128\n0\n',
  );
  t.equal(stderr, 'bcfs: echo: write error: Invalid argument\n');
  t.equal(code, 0);
  t.end();
});

t.test('commands answer as coreutils and bash do', (t) => {
  for (const [script, code, stdout, stderr] of [
    ['cat x 0/id', 1, '0\n', 'cat: x: No such file or directory\n'],
    ['cat 0', 1, '', 'cat: 0: Is a directory\n'],
    ['cat < 0/id', 0, '0\n', ''],
    ['cat - - < 0/id', 0, '0\n', ''],
    ['cat < 0', 1, '', 'cat: -: Is a directory\n'],
    ['cat < x', 1, '', 'bcfs: x: No such file or directory\n'],
    ['cat 0/id/', 1, '', 'cat: 0/id/: Not a directory\n'],
    ['cat 0/id/x', 1, '', 'cat: 0/id/x: Not a directory\n'],
    ["cat ''", 1, '', "cat: '': No such file or directory\n"],
    ['cat 0/numtasks/limit > 0/numtasks/limit', 1, '', 'cat: 0/numtasks/limit: input file is output file\n'],
    ['cat description 0/id > 0/numtasks/limit', 1, '', 'cat: write error: Invalid argument\n'],
    ['mkdir 0', 1, '', "mkdir: cannot create directory '0': File exists\n"],
    ['mkdir', 1, '', "mkdir: missing operand\nTry 'mkdir --help' for more information.\n"],
    ['mkdir -pv 1 0', 0, "mkdir: created directory '1'\n", ''],
    ['mkdir -p description/x', 1, '', "mkdir: cannot create directory 'description': Not a directory\n"],
    ['mkdir -p description', 1, '', "mkdir: cannot create directory 'description': File exists\n"],
    ['mkdir -p 7/x', 1, '', "mkdir: cannot create directory '7/x': Operation not permitted\n"],
    [
      'mkdir . 0/.. /',
      1,
      '',
      "mkdir: cannot create directory '.': File exists\nmkdir: cannot create directory '0/..': File exists\nmkdir: cannot create directory '/': File exists\n",
    ],
    [
      "mkdir '' x/1",
      1,
      '',
      "mkdir: cannot create directory '': No such file or directory\nmkdir: cannot create directory 'x/1': No such file or directory\n",
    ],
    [
      'mkdir "it\'s" é',
      1,
      '',
      "mkdir: cannot create directory 'it\\'s': Invalid argument\nmkdir: cannot create directory '\\303\\251': Invalid argument\n",
    ],
    ['rmdir 0', 1, '', "rmdir: failed to remove '0': Operation not permitted\n"],
    [
      'rmdir . .. / 0/.. 0/.',
      1,
      '',
      "rmdir: failed to remove '.': Invalid argument\nrmdir: failed to remove '..': Directory not empty\nrmdir: failed to remove '/': Device or resource busy\nrmdir: failed to remove '0/..': Directory not empty\nrmdir: failed to remove '0/.': Invalid argument\n",
    ],
    [
      "rmdir '' 0/id/x",
      1,
      '',
      "rmdir: failed to remove '': No such file or directory\nrmdir: failed to remove '0/id/x': Not a directory\n",
    ],
    [
      'mkdir 1; rmdir -pv ./1',
      1,
      "rmdir: removing directory, './1'\nrmdir: removing directory, '.'\n",
      "rmdir: failed to remove directory '.': Invalid argument\n",
    ],
    [
      "ls \"it's\" 'a b' $'a\\nb' $'\\n' \"it's \\\"so\\\"\"",
      2,
      '',
      "ls: cannot access \"it's\": No such file or directory\nls: cannot access 'a b': No such file or directory\nls: cannot access 'a'$'\\n''b': No such file or directory\nls: cannot access ''$'\\n': No such file or directory\nls: cannot access 'it'\\''s \"so\"': No such file or directory\n",
    ],
    ["cat 'a b'", 1, '', "cat: 'a b': No such file or directory\n"],
    ['ls -z', 2, '', "ls: invalid option -- 'z'\nTry 'ls --help' for more information.\n"],
    ['ls --zz', 2, '', "ls: unrecognized option '--zz'\nTry 'ls --help' for more information.\n"],
    [
      'ls --all=x',
      2,
      '',
      "ls: option '--all' doesn't allow an argument\nTry 'ls --help' for more information.\n",
    ],
    ['ls > 0/numtasks/limit', 2, '', 'ls: write error: Invalid argument\n'],
    [
      'ls 0/numtasks description -- x',
      2,
      'description\n\n0/numtasks:\nbarrier\nfailcnt\nheld\nlimit\nmaxheld\nminheld\n',
      "ls: cannot access 'x': No such file or directory\n",
    ],
    [
      'ls -R 0/numtasks/ --all',
      0,
      '0/numtasks/:\n.\n..\nbarrier\nfailcnt\nheld\nlimit\nmaxheld\nminheld\n',
      '',
    ],
    ['ls -d', 0, '.\n', ''],
    ['ls -aA; ls -Aa', 0, '0\ndescription\n.\n..\n0\ndescription\n', ''],
    ['cd 0/numtasks; pwd; cd ..; pwd; cd -; cd; pwd', 0, '/0/numtasks\n/0\n/0/numtasks\n/\n', ''],
    ['cd x', 1, '', 'bcfs: cd: x: No such file or directory\n'],
    ['cd description', 1, '', 'bcfs: cd: description: Not a directory\n'],
    ['cd -', 1, '', 'bcfs: cd: OLDPWD not set\n'],
    ['cd 0 1', 1, '', 'bcfs: cd: too many arguments\n'],
    ["cd ''; cd $'a\\tb'", 1, '', "bcfs: cd: $'a\\tb': No such file or directory\n"],
    ['cd -z', 2, '', 'bcfs: cd: -z: invalid option\ncd: usage: cd [DIRECTORY]\n'],
    ['echo -e "a\\tb\\x41\\0101\\c"; echo -ne "\\e"; echo -nx; echo -n', 0, 'a\tbAA\x1b-nx\n', ''],
    ['echo 1 > x', 1, '', 'bcfs: x: Permission denied\n'],
    ['echo 1 > 0', 1, '', 'bcfs: 0: Is a directory\n'],
    ['echo 1 > x/', 1, '', 'bcfs: x/: Is a directory\n'],
    ["echo 1 > ''", 1, '', 'bcfs: : No such file or directory\n'],
    ['echo 1 > 0/numtasks/held', 1, '', 'bcfs: 0/numtasks/held: Permission denied\n'],
    ['echo 1 > $none', 1, '', 'bcfs: $none: ambiguous redirect\n'],
    ['echo 1 > *', 1, '', 'bcfs: *: ambiguous redirect\n'],
    ['echo 0 > 0/tasks', 1, '', 'bcfs: echo: write error: No such process\n'],
    ['x; echo $?', 0, '127\n', 'bcfs: x: command not found\n'],
    [
      "toString; $'a\\001'",
      127,
      '',
      "bcfs: toString: command not found\nbcfs: $'a\\001': command not found\n",
    ],
    ['./x', 127, '', 'bcfs: ./x: No such file or directory\n'],
    ['0/', 126, '', 'bcfs: 0/: Is a directory\n'],
    ['/description', 126, '', 'bcfs: /description: Permission denied\n'],
    ['$none; true; :', 0, '', ''],
    ['exit 3; echo a', 3, '', ''],
    ['exit -1', 255, '', ''],
    ['false; exit', 1, '', ''],
    ['exit -- 5', 5, '', ''],
    ['exit x', 2, '', 'bcfs: exit: x: numeric argument required\n'],
    ['exit 1 2', 1, '', 'bcfs: exit: too many arguments\n'],
    ['exit 4\necho |', 4, '', ''],
    ['echo a && false && echo b || echo c; false || exit 6', 6, 'a\nc\n', ''],
    ['echo a\necho b | cat\necho c', 2, 'a\n', "bcfs: syntax error near unexpected token '|'\n"],
  ] as const) {
    t.strictSame(runIn(treeOperations(), script), { code, stdout, stderr }, script);
  }
  t.end();
});

t.test('a read-only tree is changed by nothing', (t) => {
  const { code, stdout, stderr } = runIn(
    treeOperations(),
    'mkdir 1 0; rmdir 0; echo 1 > 0/numtasks/limit; echo 1 > 1; cat 0/numtasks/limit',
    { ro: true },
  );
  t.equal(
    stderr,
    [
      "mkdir: cannot create directory '1': Read-only file system\n",
      "mkdir: cannot create directory '0': File exists\n",
      "rmdir: failed to remove '0': Read-only file system\n",
      'bcfs: 0/numtasks/limit: Read-only file system\n',
      'bcfs: 1: Read-only file system\n',
    ].join(''),
  );
  t.equal(stdout, '9223372036854775807\n');
  t.equal(code, 0);
  t.end();
});

t.test('in a directory that was removed nothing is found, but the way out', (t) => {
  const { stdout, stderr } = runIn(
    treeOperations(),
    'mkdir 1; cd 1; rmdir ../1; ls; pwd; cat id; mkdir 2; echo > id; cat ../0/id; cd ..; pwd',
  );
  t.equal(stdout, '/1\n0\n/\n');
  t.equal(
    stderr,
    [
      "ls: cannot open directory '.': No such file or directory\n",
      'cat: id: No such file or directory\n',
      "mkdir: cannot create directory '2': No such file or directory\n",
      'bcfs: id: No such file or directory\n',
    ].join(''),
  );
  t.end();
});

t.test('an output that cannot be written fails the command', (t) => {
  const full: Partial<Environment> = { stdout: () => -errno.ENOSPC };
  for (const [script, code, stderr] of [
    ['echo a', 1, 'bcfs: echo: write error: No space left on device\n'],
    ['ls', 2, 'ls: write error: No space left on device\n'],
    ['cat 0/id 0/id', 1, 'cat: write error: No space left on device\n'],
    ['mkdir -v 1', 1, 'mkdir: write error: No space left on device\n'],
  ] as const) {
    t.strictSame(runIn(treeOperations(), script, full), { code, stdout: '', stderr }, script);
  }
  t.end();
});

t.test('a command reads what the shell reads, unless it is told otherwise', (t) => {
  const stdin = () => Buffer.from('200\n');
  const script = 'cat > 0/numtasks/barrier; cat 0/numtasks/barrier - < 0/id';
  t.equal(runIn(treeOperations(), script, { stdin }).stdout, '200\n0\n');
  t.equal(runIn(treeOperations(), 'cat', { stdin: () => -errno.EIO }).stderr, 'cat: -: Input/output error\n');
  t.end();
});

t.test('on a terminal ls prints columns, as wide as it is', (t) => {
  const ops = treeOperations();
  const ls = (script: string, columns: number) => runIn(ops, script, { columns }).stdout;
  t.equal(ls('ls 0/numtasks', 80), 'barrier  failcnt  held\tlimit  maxheld\tminheld\n');
  t.equal(ls('ls 0/numtasks', 20), 'barrier  limit\nfailcnt  maxheld\nheld\t minheld\n');
  t.equal(ls('ls 0/numtasks', 5), 'barrier\nfailcnt\nheld\nlimit\nmaxheld\nminheld\n');
  t.equal(ls('ls 0', 30), 'id\t  physpages\nkmemsize  privvmpages\nnumfiles  tasks\nnumtasks  threads\n');
  t.equal(
    ls('ls 0', 40),
    'id\t  numtasks     tasks\nkmemsize  physpages    threads\nnumfiles  privvmpages\n',
  );
  t.equal(ls('ls', 0), '0  description\n', 'a terminal that does not know is taken for one of 80');
  t.equal(ls('ls -1', 80), '0\ndescription\n');
  t.equal(ls('ls -i', 80), '3 0  2 description\n');
  t.end();
});

t.test('what happened outside is settled before each command', (t) => {
  let settled = 0;
  runIn(treeOperations(), 'true; false && true; true', { settle: () => (settled += 1) });
  t.equal(settled, 3);
  t.end();
});

t.test('a shell goes on where the last text ended', (t) => {
  const out: string[] = [];
  const shell = createShell(treeOperations(), {
    stdout: (bytes) => {
      out.push(Buffer.from(bytes).toString());
      return 0;
    },
    stderr: (text) => out.push(text),
    stdin: () => new Uint8Array(),
    columns: undefined,
    pid: 1,
    variables: {},
    ro: false,
    settle: () => {},
  });
  t.equal(shell.run('cd 0\nfalse\n', false), 'done');
  t.equal(shell.run("echo $? 'a\n", false), 'incomplete');
  t.strictSame(out, [], 'nothing of an incomplete line runs');
  t.equal(shell.run("echo $? 'a\nb'\n", false), 'done');
  t.equal(shell.run('echo |\n', false), 'syntax error');
  t.equal(shell.run("echo 'a"), 'syntax error');
  t.equal(shell.run('pwd; exit 9; pwd'), 'done');
  t.strictSame(out, [
    '1 a\nb\n',
    "bcfs: syntax error near unexpected token '|'\n",
    "bcfs: unexpected EOF while looking for matching '''\n",
    '/0\n',
  ]);
  t.equal(shell.session.exited, true);
  t.equal(shell.session.status, 9);
  t.end();
});

t.test('ls -R lists what is in directories, each with its path', (t) => {
  const { stdout } = runIn(treeOperations(), 'ls -R; ls -RA 0/');
  const files = ['barrier', 'failcnt', 'held', 'limit', 'maxheld', 'minheld'];
  const resources = ['kmemsize', 'numfiles', 'numtasks', 'physpages', 'privvmpages'];
  const section = (path: string, names: string[]) => [`${path}:`, ...names].join('\n') + '\n';
  const zero = ['id', ...resources, 'tasks', 'threads'];
  t.equal(
    stdout,
    [
      section('.', ['0', 'description']),
      section('./0', zero),
      ...resources.map((name) => section(`./0/${name}`, files)),
    ].join('\n') + [section('0/', zero), ...resources.map((name) => section(`0/${name}`, files))].join('\n'),
  );
  t.end();
});

t.test('each command says what it does', (t) => {
  const { stdout } = runIn(treeOperations(), 'help');
  for (const name of ['cat', 'cd', 'echo', 'exit', 'help', 'ls', 'mkdir', 'pwd', 'rmdir']) {
    t.match(stdout, new RegExp(`^  ${name}\\b`, 'm'), name);
  }
  t.ok(
    stdout.split('\n').every((line) => line.length <= 110),
    'in lines that fit',
  );
  t.equal(
    runIn(treeOperations(), 'rmdir --help x').stdout,
    [
      'Usage: rmdir [OPTION]... DIRECTORY...',
      'drop beancounters',
      '',
      '  -p, --parents                     drop the directories that it is in too',
      '  -v, --verbose                     say what is dropped',
      '  --help                            print this',
      '',
    ].join('\n'),
  );
  t.equal(
    runIn(treeOperations(), 'pwd --help').stdout,
    'Usage: pwd \nprint the current directory\n\n' +
      '  -L                                as without\n' +
      '  -P                                as without: there are no symbolic links\n' +
      '  --help                            print this\n',
  );
  t.end();
});
