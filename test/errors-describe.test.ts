import { inspect } from 'node:util';
import t from 'tap';
import { describe, safeLog } from '../lib/errors.js';

const stackless = new Error('no stack');
delete stackless.stack;
const oddStack = Object.assign(new Error('odd'), { stack: Object.create(null) as string });
const secretive = {
  [inspect.custom]() {
    throw new Error('not told');
  },
};
const trap = new Proxy(
  {},
  {
    getPrototypeOf() {
      throw new Error('not told');
    },
  },
);

t.test('whatever was thrown is described', (t) => {
  const table: [thrown: unknown, text: string][] = [
    ['a word', 'a word'],
    [undefined, 'undefined'],
    [-22, '-22'],
    [Symbol('s'), 'Symbol(s)'],
    [{ code: 5 }, '{ code: 5 }'],
    [Object.create(null), '[Object: null prototype] {}'],
    [stackless, 'no stack'],
    [oddStack, 'something that cannot be printed'],
    [secretive, 'something that cannot be printed'],
    [trap, 'something that cannot be printed'],
  ];
  for (const [thrown, text] of table) t.equal(describe(thrown), text, text);
  t.match(describe(new RangeError('too far')), /^RangeError: too far\n {4}at /);
  t.end();
});

t.test('a safe log passes each line on, and drops what the log throws', (t) => {
  const lines: string[] = [];
  const log = safeLog((line) => {
    lines.push(line);
    throw new Error('no room');
  });
  log('a');
  log('b');
  t.strictSame(lines, ['a', 'b']);
  t.end();
});
