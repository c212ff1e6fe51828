import { writeFileSync } from 'node:fs';
import t from 'tap';
import { formatTime, readNames } from '../../../lib/cli/shell/ls-format.js';
import { runIn, treeOperations } from './shells.js';

t.test('a time is printed with its hour for half a year, then with its year', (t) => {
  const at = (text: string) => new Date(text).getTime();
  const now = at('2026-11-23T20:00:00');
  for (const [time, text] of [
    ['2026-11-23T20:00:00', 'Nov 23 20:00'],
    ['2026-11-03T04:05:59', 'Nov  3 04:05'],
    ['2026-05-25T14:00:00', 'May 25 14:00'],
    ['2026-05-24T00:00:00', 'May 24  2026'],
    ['1970-01-02T00:00:00', 'Jan  2  1970'],
    ['2026-11-23T20:00:01', 'Nov 23  2026'],
  ] as const) {
    t.equal(formatTime(at(time), now), text, time);
  }
  t.end();
});

t.test('ls -l prints what chmod, chown and utimes have set, and aligns it', (t) => {
  const ops = treeOperations();
  const old = new Date('2001-02-03T04:05:06').getTime();
  ops.chmod('/0', 0o700);
  ops.chown('/0', 4_000_000_000, 0);
  ops.utimens('/0', old, old);
  ops.utimens('/description', old, old);
  t.equal(
    runIn(ops, 'ls -l').stdout,
    [
      'total 0\n',
      'drwx------ 7 4000000000 root    0 Feb  3  2001 0\n',
      '-r--r--r-- 1 root       root 4096 Feb  3  2001 description\n',
    ].join(''),
  );
  t.end();
});

t.test('names of users are those of the file, the first for each number', (t) => {
  const passwd = `${t.testdir()}/passwd`;
  writeFileSync(
    passwd,
    'root:x:0:0:root:/root:/bin/sh\n# no\ntoor:x:0:0::/:/bin/sh\nbad\nu:x:1000:1000::/:/bin/sh\n',
  );
  t.strictSame(
    [...readNames(passwd)],
    [
      [0, 'root'],
      [1000, 'u'],
    ],
  );
  t.equal(readNames(`${passwd}.not`).size, 0, 'without a file there are none');
  t.end();
});
