import t from 'tap';
import { oneLine } from '../../lib/cli/exit.js';
import { table } from '../../lib/cli/table.js';

t.test('control characters are spelled out, and nothing else', (t) => {
  t.equal(oneLine('a\nb\tc\x1b[2J\x7f\x9b0m é ☃ \\'), 'a\\nb\\tc\\u001b[2J\\u007f\\u009b0m é ☃ \\');
  t.end();
});

t.test('a table is as wide as its widest cells, and has nothing at the ends of its lines', (t) => {
  t.equal(
    table(
      [
        ['PID', 'NAME', 'WHAT'],
        ['7', 'a\nb', ''],
        ['12345', 'x', 'last'],
      ],
      [0],
    ),
    '  PID  NAME  WHAT\n    7  a\\nb\n12345  x     last\n',
  );
  t.equal(table([]), '');
  t.end();
});
