import t from 'tap';
import { runIn, treeOperations } from './shells.js';

const ops = treeOperations();
runIn(ops, 'mkdir 1 2 10');

const variables = { TWO: 'a  b', STAR: '*', EMPTY: '', PATH: '/bin' };

/** What echo says of a line. */
function echoed(words: string): string {
  return runIn(ops, `echo ${words}`, { variables, pid: 77 }).stdout;
}

t.test('quotes are removed, and variables replaced', (t) => {
  for (const [words, output] of [
    ['\'a  b\' "c  d" e\\ f', 'a  b c  d e f\n'],
    ['a"b"\'c\'\\d', 'abcd\n'],
    ['"a\\\nb" a\\\nb', 'ab ab\n'],
    ['"\\a\\"\\$\\`\\\\"', '\\a"$`\\\n'],
    ["$'a\\tb\\'c'", "a\tb'c\n"],
    ['$$ "$$" ${$}', '77 77 77\n'],
    ['$? "$?"', '0 0\n'],
    ['$PATH ${PATH}x "$PATH:y"', '/bin /binx /bin:y\n'],
    ['$toString $__proto__ "$constructor"', '\n'],
    ['$ "$" a$', '$ $ a$\n'],
  ] as const) {
    t.equal(echoed(words), output, words);
  }
  t.end();
});

t.test('a value is one argument, and its stars are stars', (t) => {
  t.equal(
    runIn(ops, 'ls $TWO $STAR', { variables }).stderr,
    [
      "ls: cannot access 'a  b': No such file or directory\n",
      "ls: cannot access '*': No such file or directory\n",
    ].join(''),
  );
  t.end();
});

t.test('an empty value is no argument, unless it is quoted', (t) => {
  t.equal(runIn(ops, 'ls -d $EMPTY $NONE 1', { variables }).stdout, '1\n');
  for (const word of ['"$EMPTY"', '$EMPTY""', "''", "$''", "$EMPTY$NONE''"]) {
    t.match(runIn(ops, `ls ${word}`, { variables }).stderr, "cannot access '': No such file", word);
  }
  t.end();
});

t.test('patterns are replaced by the paths that match, or stay', (t) => {
  for (const [words, output] of [
    ['*', '0 1 10 2 description\n'],
    ['?', '0 1 2\n'],
    ['[!0-1]*', '2 description\n'],
    ['*/id', '0/id 1/id 10/id 2/id\n'],
    ['/1/num*/held', '/1/numfiles/held /1/numtasks/held\n'],
    ['1//k*', '1//kmemsize\n'],
    ['*/', '0/ 1/ 10/ 2/\n'],
    ['x* */x "*" \\* \'1\'*', 'x* */x * * 1 10\n'],
    ['.* ..*', '.* ..*\n'],
    ['description/* x/*', 'description/* x/*\n'],
    ['{1,2} +(1) @(1) !(1)'.replace(/[()]/g, '\\$&'), '{1,2} +(1) @(1) !(1)\n'],
    ['!1 **', '!1 0 1 10 2 description\n'],
    ['[ [1 []', '[ [1 []\n'],
  ] as const) {
    t.equal(echoed(words), output, words);
  }
  t.end();
});

t.test('a pattern that is longer than any path matches nothing', (t) => {
  const stars = '*'.repeat(100_000);
  t.equal(echoed(stars), `${stars}\n`);
  t.end();
});

t.test('in a directory that was removed nothing matches', (t) => {
  t.equal(
    runIn(treeOperations(), 'mkdir 1; cd 1; rmdir ../1; echo * ../*').stdout,
    '* ../0 ../description\n',
  );
  t.end();
});
