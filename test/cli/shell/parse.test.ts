import fc from 'fast-check';
import t from 'tap';
import { parse } from '../../../lib/cli/shell/parse.js';
import { runIn, treeOperations } from './shells.js';

/** A parsed text, short: lines, each a list of commands. */
function outline(text: string): string[][] {
  return parse(text).lines.map((line) =>
    line.map(({ when, words, redirections }) =>
      [
        ...(when === 'always' ? [] : [when]),
        ...words.map(({ source }) => source),
        ...redirections.map(({ operator, target }) => operator + target.source),
      ].join(' '),
    ),
  );
}

t.test('lines are lists of commands', (t) => {
  for (const [text, lines] of [
    ['', []],
    ['\n \n# no\n', []],
    ['a b  c', [['a b c']]],
    ['a;b; c ;', [['a', 'b', 'c']]],
    ['a && b || c; d', [['a', 'and b', 'or c', 'd']]],
    ['a\nb', [['a'], ['b']]],
    ['a &&\n\n# no\n b', [['a', 'and b']]],
    ['a # b\nc#d', [['a'], ['c#d']]],
    ["a 'b\nc'", [["a 'b\nc'"]]],
    ['a \\\n b', [['a b']]],
    ['a > b c < d', [['a c >b <d']]],
    ['> b', [['>b']]],
    ['a 1>b 0<c 1>>d 12 >e', [['a 12 >b <c >>d >e']]],
    ['then a', []],
    ['a; echo then', [['a', 'echo then']]],
    ['"then"', [['"then"']]],
  ] as const) {
    t.strictSame(outline(text), lines, JSON.stringify(text));
  }
  t.end();
});

t.test('a word is pieces, by how they are expanded', (t) => {
  const pieces = (text: string) =>
    parse(text).lines[0]![0]!.words[0]!.pieces.map(({ kind, text }) => [kind, text]);
  t.strictSame(pieces("a'b'\"c\"$d${e}$'f'\\g\\\nh$"), [
    ['plain', 'a'],
    ['literal', 'b'],
    ['expansion', '"c"'],
    ['expansion', '$d'],
    ['expansion', '${e}'],
    ['expansion', "$'f'"],
    ['literal', 'g'],
    ['literal', ''],
    ['plain', 'h'],
    ['plain', '$'],
  ]);
  t.strictSame(pieces('\\'), [['literal', '\\']]);
  t.end();
});

t.test('what the shell does not have is a syntax error, and nothing of its line runs', (t) => {
  for (const [text, token] of [
    ['a | b', '|'],
    ['a |& b', '|&'],
    ['a & b', '&'],
    ['a &', '&'],
    ['a &> b', '&>'],
    ['a &>> b', '&>>'],
    ['a; (b)', '('],
    ['a )', ')'],
    ['a ;; b', ';;'],
    ['a << b', '<<'],
    ['a <<< b', '<<<'],
    ['a <<- b', '<<-'],
    ['a <& b', '<&'],
    ['a <> b', '<>'],
    ['a <(b)', '<('],
    ['a >& b', '>&'],
    ['a >| b', '>|'],
    ['a >(b)', '>('],
    ['a 2> b', '2>'],
    ['a 2>&1', '2>&'],
    ['a 1< b', '1<'],
    ['a; `b`', '`'],
    ['a "`b`"', '`'],
    ['a $(b)', '$('],
    ['a "x$(b)"', '$('],
    ['a $[1]', '$['],
    ['a "$[1]"', '$['],
    ['a ${b:-c}', '${'],
    ['a "${b:-c}"', '${'],
    ['a "\\\\$(b)"', '$('],
    ['a $"b"', '$"'],
    ['a ${', '${'],
    ['a >', 'newline'],
    ['a > > b', '>'],
    ['a > && b', '&&'],
    ['; a', ';'],
    ['a && ; b', ';'],
    ['a\n|| b', '||'],
    ['a; if b', 'if'],
    ['a; for', 'for'],
    ['! a', '!'],
    ['{ a', '{'],
  ] as const) {
    const { lines, problem, incomplete } = parse(`one\n${text}\nthree`);
    t.equal(problem, `syntax error near unexpected token '${token}'`, JSON.stringify(text));
    t.equal(incomplete, false, `${JSON.stringify(text)}: more text does not mend it`);
    t.equal(lines[0]![0]!.words[0]!.source, 'one', `${JSON.stringify(text)}: the line before stays`);
    t.ok(lines.length <= (text.startsWith('a\n') ? 2 : 1), `${JSON.stringify(text)}: its line does not`);
  }
  t.equal(parse('a "\\$(b) \\`c\\` \\${d:-e}"').problem, undefined, 'a backslash makes it text');
  t.equal(parse("a '$(b) `c` ${d:-e}'").problem, undefined, 'single quotes make it text');
  t.end();
});

t.test('a text that ends in the middle of a line is incomplete', (t) => {
  for (const [text, problem] of [
    ["a 'b", "unexpected EOF while looking for matching '''"],
    ['a "b', "unexpected EOF while looking for matching '\"'"],
    ['a "b\\"', "unexpected EOF while looking for matching '\"'"],
    ["a $'b\\'", "unexpected EOF while looking for matching '''"],
    ["a b'c\n", "unexpected EOF while looking for matching '''"],
    ['a &&', 'syntax error: unexpected end of file'],
    ['a ||\n# no\n', 'syntax error: unexpected end of file'],
    ['a \\\n', undefined],
    ['a\\\n', undefined],
  ] as const) {
    const parsed = parse(text);
    t.equal(parsed.problem, problem, JSON.stringify(text));
    t.equal(parsed.incomplete, true, JSON.stringify(text));
  }
  for (const text of ['a', 'a\n', 'a \\', 'a \\\\\n', "a '\\\n'\n", '# a \\\n', 'a;\n']) {
    t.equal(parse(text).incomplete, false, JSON.stringify(text));
  }
  t.end();
});

const shellText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...Array.from('\n\t ;&|<>()\'"\\$`#*?[]!{}=~/.-^')),
        fc.constantFrom('&&', '||', '>>', '$$', '$?', "$'", '${', '1/numtasks/limit', '/', '..', '0', '\\\n'),
        fc.constantFrom(
          'echo ',
          'cat ',
          'ls ',
          'cd ',
          'mkdir ',
          'rmdir ',
          'pwd',
          '-lR ',
          'exit ',
          '[[:alpha:]',
        ),
        fc.string({ maxLength: 3, unit: 'binary' }),
      ),
      { maxLength: 20 },
    )
    .map((parts) => parts.join('')),
);

t.test('any text runs or is a syntax error of one line, and never throws', (t) => {
  const ops = treeOperations();
  fc.assert(
    fc.property(shellText, (text) => {
      const { lines, problem } = parse(text);
      const { code, stderr } = runIn(ops, text);
      if (!Number.isInteger(code) || code! < 0 || code! > 255) return false;
      if (problem === undefined) return true;
      return !problem.includes('\n') && (lines.length > 0 || (code === 2 && stderr === `bcfs: ${problem}\n`));
    }),
    { numRuns: 2000 },
  );
  t.end();
});
