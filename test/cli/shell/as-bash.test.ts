/** What bash and coreutils answer on a mount, the shell answers without one. */
import { mkdir, readdir, rmdir } from 'node:fs/promises';
import t, { type Test } from 'tap';
import type { MountSettings } from '../../../lib/cli/mount-options.js';
import { bash, type Outcome } from '../../fixtures/command.js';
import { mounted, needsFuse } from '../../fixtures/mounted.js';
import { runIn, treeOperations } from './shells.js';

const long = '7'.repeat(256);

/** Each finds beancounters 1, 2 and 10, and whatever it makes is cleared away after it. */
const scripts = [
  // ls: formats
  'ls',
  'ls -1',
  'ls -a',
  'ls -A',
  'ls -aA; ls -Aa; ls --all; ls --almost-all',
  'ls -C',
  'ls -C 1 2',
  'ls -C 1/numtasks',
  'ls -C 1 1/numtasks/held',
  'ls -Ci 1',
  'ls -l',
  'ls -l 1',
  'ls -la 1/numtasks',
  'ls -lai 1',
  'ls -lC; ls -Cl; ls -l1; ls -1C; ls -C1',
  'ls -li description 1/tasks 10/numfiles/held',
  'ls -iA',
  // ls: what is listed
  'ls -d',
  'ls -d 1 description',
  'ls -ld . 1 1/numtasks description',
  'ls --directory -i 1 2 10',
  'ls -R 1',
  'ls -R 1/numtasks 2/numfiles description',
  'ls -laR 1',
  'ls -R 1/',
  'ls -Rd 1',
  'ls --recursive',
  'ls 2 1',
  'ls 1/id description 2 10/numtasks',
  'ls 1 1 description description',
  'ls 1/.. 1/../2/numtasks ./1 .//1//id',
  'ls -- 1',
  'ls 1 -a',
  // ls: errors
  'ls x',
  'ls z x 1/numtasks y',
  'ls x 1/numtasks',
  'ls description/ 1/id/x 1/numtasks/',
  "ls ''",
  'ls -z',
  'ls -lz1',
  'ls --zz',
  'ls --zz=1 x',
  'ls --all=x',
  'ls -',
  'ls > 1/numtasks/limit',
  'ls > 1/numtasks/held',
  `ls ${long}`,
  // cd, pwd
  'pwd; cd 1; pwd; cd numtasks; pwd; cd ..; pwd; cd ../2/./numtasks/../numfiles; pwd; cd; pwd',
  'cd 1/numtasks; cd -; cd -; pwd',
  'cd -',
  'cd x',
  'cd description',
  'cd description/..',
  'cd 1/id/',
  'cd 1 2',
  "cd ''; pwd",
  'cd -z',
  'cd --zz',
  'cd -L 1 && cd -P numtasks && pwd -P && pwd -L x',
  'cd -- 1; pwd',
  'pwd -z; echo $?',
  'pwd > 1/numtasks/limit',
  "cd 'a b'",
  "cd $'a\\tb'",
  'cd 1; ls; cd numtasks && cat limit; cd ../../2; cat id',
  'cd 1; rmdir ../1; ls; pwd; cat id; mkdir 3; echo > id; cd; pwd',
  `cd ${long}`,
  // cat
  'cat description',
  'cat 1/id 2/id 10/id',
  'cat 1/numtasks/*',
  'cat 0/num*/limit',
  'cat x',
  'cat x 1/id 1 2/id',
  'cat 1/tasks',
  'cat 1/id/',
  'cat 1/id/. 1/id/..',
  'cat x/../description',
  "cat ''",
  "cat 'a b' \"it's\" 'it\"s' \"it's \\\"so\\\"\" '#' 'a#' 'x?' '{' '{}' '=' '~' 'a~' '%+,-.@]_' : 'a:' '!' '^' '\\'",
  "cat $'a\\nb' $'\\n' $'a\\n' $'\\001\\177b\\a' é $'\\t\\r\\v\\f\\b'",
  'cat < 1/id',
  'cat - < 1/id 2/id',
  'cat - - < 1/id',
  'cat < 1',
  'cat < 1/id < 2/id',
  'cat < x',
  'cat < 1/id < x',
  'cat < 1/tasks',
  'cat -z',
  'cat --zz',
  'cat 1/numtasks/limit > 2/numtasks/limit; cat 2/numtasks/limit',
  'cat 1/numtasks/limit > 1/numtasks/limit',
  'cat < 1/numtasks/limit > ./1//numtasks/limit',
  'cat description 1/id > 1/numtasks/barrier; cat 1/numtasks/barrier',
  'cat 1/id 2/id > 1/numtasks/barrier; cat 1/numtasks/barrier',
  'cat 1/id x 2/id > 1/numtasks/barrier; cat 1/numtasks/barrier',
  // echo and what it is written to
  'echo; echo a  b "c  d"; echo -n a; echo -n; echo -nn b; echo - -- --help',
  "echo -e 'a\\tb\\n\\\\c\\0101\\x41\\z\\a\\0' -n; echo -E '\\t'; echo -eE '\\t'; echo -ne '\\t'; echo -e 'a\\cb' c",
  "echo -e 'é\\0303\\0251\\xc3\\xa9\\08\\0777\\xg'; echo -ex -e",
  'echo 200 > 1/numtasks/limit && echo 150 > 1/numtasks/barrier && cat 1/numtasks/*',
  'echo 500 > 1/numtasks/barrier; echo $?; cat 1/numtasks/barrier',
  'echo -n 100 > 1/numtasks/barrier; cat 1/numtasks/barrier',
  'echo 100 >> 1/numtasks/barrier; cat 1/numtasks/barrier',
  'echo 100 1> 1/numtasks/barrier; cat 0< 1/numtasks/barrier; echo 1>> 1/numtasks/barrier',
  '> 1/numtasks/barrier echo 100; cat 1/numtasks/barrier',
  'echo 12x > 1/numtasks/limit; echo -1 > 1/numtasks/limit; echo 0x10 > 1/numtasks/limit; echo > 1/numtasks/limit',
  'echo 9223372036854775807 > 1/numtasks/limit; echo 9223372036854775808 > 1/numtasks/limit; cat 1/numtasks/limit',
  `echo ${'1'.repeat(5000)} > 1/numtasks/limit; cat 1/numtasks/limit`,
  '> 1/numtasks/limit; echo $?; cat 1/numtasks/limit',
  'echo -n > 1/numtasks/limit; echo $?; cat 1/numtasks/limit',
  'echo 1 > 1/numtasks/held',
  'echo 1 > description',
  'echo 1 > 1',
  'echo 1 > 1/',
  'echo 1 > .',
  'echo 1 > x',
  'echo 1 > x/y',
  'echo 1 > x/',
  'echo 1 > 1/id/x',
  "echo 1 > ''",
  'echo 1 > $x',
  'echo 1 > *',
  'echo 1 > 1/numtasks/lim*; cat 1/numtasks/limit',
  'echo 1 > 1/numtasks/x*',
  'echo 7 > 1/numtasks/limit > x > 2/numtasks/limit; cat 1/numtasks/limit 2/numtasks/limit',
  'echo 7 > 1/numtasks/barrier > 2/numtasks/barrier; cat 1/numtasks/barrier 2/numtasks/barrier',
  `echo 1 > ${long}`,
  // tasks
  'echo $$ > 1/tasks && cat 1/numtasks/held',
  'echo $$ > 1/threads; echo $?',
  'echo 4194305 > 1/tasks; echo x > 1/threads; echo 2 > 1/tasks; echo 2 > 1/threads',
  'echo $$ > 1/tasks; echo 5 > 1/numtasks/barrier; rmdir 1; mkdir 1; cat 1/numtasks/barrier; echo $$ > 0/tasks',
  // mkdir
  'mkdir 3 4; ls',
  'mkdir 1',
  'mkdir 3 1 4; ls',
  'mkdir -v 3 4',
  'mkdir --verbose 1 3',
  'mkdir -p 1 3; ls',
  'mkdir -pv 1 3 4/',
  'mkdir -p description',
  'mkdir -p description/x',
  'mkdir --parents 3/x/y; ls',
  'mkdir -pv ./3 1/../4 1//../5',
  'mkdir 3/ && ls',
  'mkdir x 01 -- -1 2147483648',
  "mkdir '' . .. 1/. 1/.. 1/ description 1/id description/",
  "mkdir \"it's\" 'a b' $'a\\nb' é 'a\\b' '\"'",
  'mkdir 1/3 1/numtasks/3 x/3 1/id/3',
  'mkdir',
  'mkdir -p',
  'mkdir -z 3',
  'mkdir --zz',
  'mkdir -v 3 > 1/numtasks/limit; ls',
  `mkdir ${long}`,
  // rmdir
  'rmdir 1; ls',
  'rmdir 1 2 10; ls',
  'rmdir 0 x 1; ls',
  'rmdir -v 1 0',
  'rmdir --verbose 1',
  'rmdir 1/numtasks 1/id description 1/id/ x/y',
  "rmdir '' . .. 1/. 1/.. 1/numtasks/..",
  'rmdir 1/ && ls',
  'rmdir -p 1; ls',
  'rmdir -pv ./1; ls',
  'rmdir -p 1/numtasks',
  'rmdir --parents 2//../1/',
  "rmdir 'a b' \"it's\" $'a\\nb'",
  'rmdir',
  'rmdir -z',
  'rmdir --zz=1',
  `rmdir ${long}`,
  'cd 1; rmdir ../2 ../10 . ..; ls ..',
  // what is not a command
  'x',
  'x y z; echo $?',
  "'a b'",
  "''",
  "$'a\\001'",
  './x; echo $?',
  '1/',
  './description; echo $?',
  'description/x',
  '$x',
  '$x echo a',
  '"$x"',
  'x > y',
  // exit
  'exit',
  'exit 3; echo a',
  'false; exit',
  'exit 256',
  'exit -1',
  'exit -- 5',
  'exit x; echo a',
  "exit ''",
  'exit 1 2',
  'exit 3 > x; echo $?',
  'true; false',
  'false; true',
  // lists
  'echo a; echo b;',
  'echo a && echo b || echo c',
  'false && echo b || echo c',
  'true || echo b && echo c',
  'x && echo b; echo c',
  'false || false || echo c',
  'false && true; echo $?',
  'echo a &&\n\n# no\n echo b\necho c',
  '\n\n echo a # b\n#c\n\n  # d\necho e#f #g',
  'echo a;echo b\t;\techo c',
  'mkdir 3&&echo 7 >3/numtasks/barrier&&cat 3/numtasks/barrier',
  'echo \\\n a \\\n  b\\\nc\\\n#d',
  'false\n> x\necho $?',
  'cat 1/id || exit 4; cat x || exit 4; echo a',
  // quotes and expansions
  "echo 'a  b' \"c  d\" e\\ \\ f 'it'\\''s' \"it's\" '\"' \"'\"",
  'echo "a\\"b\\\\c\\$d\\`e\\f" \'a\\b\' a\\b\\\\c "a\\\nb"',
  'echo "$x" a$x $x b "$x"c',
  'echo "$"  $ a$ "$ a" $, "$,"',
  "echo $'a\\tb\\'c\\x41\\101' a$'b'c \"$'a'\" $''",
  'echo "$HOLD" $HOLD ${HOLD}x "${HOLD}x" $HOLD/1 \'$HOLD\' \\$HOLD "\\$HOLD"',
  'false; echo $? "$?" ${?} $?x; echo $?',
  'echo \'a\nb\' "c\nd"',
  'echo a\'b\'"c"d\\e',
  'echo "" \'\' a',
  '\'ec\'ho a; \\echo b; "echo" c',
  'echo a#b "#" \\# \'#\' #c',
  "echo '$$' '*' '\\' ';' '|' '#' '>'",
  'echo \\; \\| \\& \\> \\< \\( \\)',
  'echo %s %d',
  'echo a\\',
  // globs
  'echo *',
  'echo 1/*',
  'echo */id',
  'echo */numtasks/l*',
  'echo * */',
  'echo ./* .//*/id 1/../2*',
  'echo ? ?? [0-9] [!0-9]* [^0-9]* [[:digit:]]* [01]*',
  'echo []1]* [a-d]* [!]1]* [d]* 1[0] [-1] [1-] [a-]*',
  'echo x* [x]* [ [1 ]1 [] [!] a[',
  "echo '*' \"*\" \\* '1'* \"1\"* 1'*' \\1* [\"1\"] '['1]",
  'echo 1/num* 1/*num 1/*num* 1/*s 1/n?m* 1/*/*held 1/**/held',
  'echo d*n .* ..* ./.* 1/.*',
  'echo */*/limit description/* 1/id/*',
  'echo !1 1! ^1 ~x @ a=b 1-2 a:b',
  'ls -d */',
  'cat [12]/id',
  'cat x*',
  'rmdir [1-9]*; ls',
  'cd 1; echo * ../*; cd numtasks; cat [bl]*',
  'cd num*',
  'cd [1]; pwd',
  // syntax errors
  '; echo b',
  'echo a;; echo b',
  'echo a\n&& echo b\necho c',
  'echo a\necho )\necho b',
  'echo a ||',
  'echo a &&\n',
  'echo a && && echo b',
  'echo >',
  'echo > > 1/id',
  'echo > ; echo b',
  'echo )',
  'mkdir 3; echo >; mkdir 4',
  'mkdir 3\necho >\nmkdir 4',
  'mkdir 3; echo "a\nmkdir 4',
  "echo a\necho 'b",
  'then',
  'mkdir 3; fi',
  'done',
  'mkdir 3 && }',
  'exit 3\necho >',
];

/** On a read-only tree, where nobody made anything. */
const readOnly = [
  'ls -l',
  'cat 0/id',
  'mkdir 1 0 . 0/x 0/numtasks x/y',
  'mkdir -p 0 1 1/2',
  'rmdir 0 1 x/y . .. 0/..',
  'echo 1 > 0/numtasks/limit; cat 0/numtasks/limit',
  'echo 1 > 0/numtasks/held; echo 1 > 0; echo 1 > x; echo 1 > x/y; echo 1 > 0/id/x',
  '> 0/tasks',
  'cat < 0/tasks',
];

/** In the strict dialect. */
const strict = [
  'mkdir 1; echo 5 > 1/numtasks/barrier; echo -n 5 > 1/numtasks/barrier; cat 1/numtasks/barrier',
  'mkdir x; mkdir 01; ls; cat 01/id',
  'mkdir 3; echo -n 18446744073709551617 > 3/numtasks/barrier; cat 3/numtasks/barrier',
];

/** For users and groups with a name, and without. */
const owned = ['ls -l', 'ls -ld 0 description', 'ls -lai 0/numtasks'];

/** Clears away what the row before has made. */
const fresh = 'cd; rmdir [1-9]*; mkdir 1 2 10';

/** The same on a mount, without a shell. */
async function refresh(mountpoint: string): Promise<void> {
  const names = (await readdir(mountpoint)).filter((name) => /^[1-9]/.test(name));
  for (const name of names) await rmdir(`${mountpoint}/${name}`);
  for (const name of ['1', '2', '10']) await mkdir(`${mountpoint}/${name}`);
}

/** Without what differs between one run and the next, and between bash and this shell by intention. */
function comparable({ code, stdout, stderr }: Outcome, root: string): Outcome {
  return {
    code,
    // The tree is at the root here.
    stdout: (root === '/' ? stdout : stdout.replaceAll(`${root}/`, '/').replaceAll(root, '/')).replace(
      /[A-Z][a-z]{2} [ 123]\d \d\d:\d\d/g,
      'Mon DD HH:MM',
    ),
    stderr: stderr
      .replace(/^bash: (-c: )?line \d+: `.*\n/gm, '')
      .replace(/^bash: (-c: )?(line \d+: )?/gm, 'bcfs: ')
      .replace(/^(bcfs: .* (?:token|matching)) `(.*)'/gm, "$1 '$2'")
      .replace(/^(\w+: usage:) .*/gm, '$1 …'),
  };
}

function compare(
  title: string,
  rows: readonly string[],
  settings: Partial<MountSettings>,
  options: string[],
) {
  t.test(title, { ...needsFuse }, async (t: Test) => {
    const mountpoint = await mounted(t, options.length > 0 ? ['-o', options.join()] : []);
    const ops = treeOperations(settings);
    const env = { HOME: mountpoint, OLDPWD: '', COLUMNS: '80', HOLD: 'h*d' };
    const variables = { HOLD: env.HOLD };
    const onBoth = async (script: string): Promise<[Outcome, Outcome]> => [
      comparable(runIn(ops, script, { ro: settings.ro ?? false, variables }), '/'),
      comparable(await bash(script, { cwd: mountpoint, env }), mountpoint),
    ];
    for (const script of rows) {
      if (rows === scripts) {
        runIn(ops, fresh, { variables });
        await refresh(mountpoint);
      }
      const [here, there] = await onBoth(script);
      t.strictSame(here, there, script.slice(0, 100));
    }
  });
}

compare('the shell answers as bash and coreutils do on a mount', scripts, {}, []);
compare('-o ro answers as a read-only mount does', readOnly, { ro: true }, ['ro']);
compare('-o strict answers as a strict mount does', strict, { strict: true }, ['strict']);
compare('-o uid=,gid= shows names that there are', owned, { uid: 1, gid: 4 }, ['uid=1', 'gid=4']);
compare('-o uid=,gid= shows numbers without a name', owned, { uid: 54321, gid: 6 }, ['uid=54321', 'gid=6']);
