/**
 * Shell text to commands: words, quotes, redirections, `;`, `&&`, `||`, newlines and comments, as sh reads them.
 *
 * What the shell does not have (pipes, `&`, substitutions, keywords) is a syntax error, found before anything of
 * its line runs. No text makes this throw.
 *
 * Words are split here and not by shell-quote, which takes a newline for a blank and `a#b` for a comment, passes
 * over an open quote, and does not tell `'*'` from `*`. It expands the pieces of a word: see expand.ts.
 */

/** A part of a word, by how it is to be expanded. */
export interface Piece {
  /** literal: not at all; plain: `*`, `?` and `[` are a pattern; expansion: `$name`, `"…"` or `$'…'`. */
  readonly kind: 'literal' | 'plain' | 'expansion';
  readonly text: string;
}

export interface Word {
  /** As it was typed. */
  readonly source: string;
  readonly pieces: readonly Piece[];
}

export interface Redirection {
  readonly operator: '<' | '>' | '>>';
  readonly target: Word;
}

/** A command, and whether it runs: always, or if the one before succeeded (and), or failed (or). */
export interface Step {
  readonly when: 'always' | 'and' | 'or';
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
}

export interface Parsed {
  /** The commands of each line, up to the problem if there is one. */
  readonly lines: readonly (readonly Step[])[];
  /** What is wrong with the line after those. */
  readonly problem: string | undefined;
  /** Whether the text ends in the middle of a line: after `&&`, a backslash, or in quotes. */
  readonly incomplete: boolean;
}

/** What a text is made of, up to the problem if there is one; operators are strings. */
interface Tokens extends Omit<Parsed, 'lines'> {
  readonly tokens: readonly (string | Word)[];
}

const blank = /(?:[ \t]|\\\n)+|#[^\n]*/y;
const operator = /\n|&&|&>>?|&|\|\||\|&|\||;;|[;()]|\d*(?:<<[<-]?|<[&>(]?|>[>&|(]?)/y;

/** Descriptors that their operator means anyway. */
const redundant: Readonly<Record<string, string>> = { '0<': '<', '1>': '>', '1>>': '>>' };

const NAME = String.raw`(?:[A-Za-z_]\w*|[0-9]|[$?#!@*-])`;
const single = /'([^']*)'/y;
const double = /"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const dollar = new RegExp(String.raw`\$'[^'\\]*(?:\\[^][^'\\]*)*'|\$${NAME}|\$\{${NAME}\}`, 'y');
const escaped = /\\[^]?/y;
const plain = /[^ \t\n'"\\$;&|<>()`]+|\$(?![('"{[])/y;

/** What is not expanded, in double quotes; a backslash takes its meaning away. */
const unsupported = new RegExp(String.raw`^(?:\\[^]|[^\\])*?(${'`'}|\$[([]|\$\{(?!${NAME}\}))`);
/** The same outside of quotes, where nothing else can be a piece. */
const strange = /`|\$[({["]/y;
const open = /\$?(['"])/y;

/** Keywords of sh and bash, where a command is expected: what they govern must not run as if they were not there. */
const keywords = new Set(
  '! [[ { } case coproc do done elif else esac fi for function if select then time until while'.split(' '),
);

/** Parses a text: a whole one, or as much of it as there is yet. */
export function parse(text: string): Parsed {
  const { tokens, problem, incomplete } = tokenize(text);
  const lines: Step[][] = [];
  let line: Step[] = [];
  let step = newStep('always');
  let redirection: Redirection['operator'] | undefined;

  const failed = (token: string): Parsed => ({ lines, problem: unexpected(token), incomplete: false });

  for (const token of tokens) {
    const isEmpty = step.words.length === 0 && step.redirections.length === 0;
    if (typeof token === 'object') {
      if (redirection !== undefined) {
        step.redirections.push({ operator: redirection, target: token });
        redirection = undefined;
      } else if (step.words.length === 0 && keywords.has(token.source)) {
        return failed(token.source);
      } else {
        step.words.push(token);
      }
      continue;
    }
    if (redirection !== undefined) return failed(token);
    switch (token) {
      case '<':
      case '>':
      case '>>':
        redirection = token;
        break;
      case '\n':
        // After && and || a command is still to come.
        if (isEmpty && step.when !== 'always') break;
        if (!isEmpty) line.push(step);
        if (line.length > 0) lines.push(line);
        line = [];
        step = newStep('always');
        break;
      case ';':
      case '&&':
      case '||':
        if (isEmpty) return failed(token);
        line.push(step);
        step = newStep(token === ';' ? 'always' : token === '&&' ? 'and' : 'or');
        break;
      default:
        return failed(token);
    }
  }
  if (problem === undefined && step.when !== 'always') {
    return { lines, problem: 'syntax error: unexpected end of file', incomplete: true };
  }
  return { lines, problem, incomplete };
}

function newStep(when: Step['when']) {
  return { when, words: [] as Word[], redirections: [] as Redirection[] };
}

function unexpected(token: string): string {
  return `syntax error near unexpected token '${token === '\n' ? 'newline' : token}'`;
}

function tokenize(text: string): Tokens {
  const tokens: (string | Word)[] = [];
  let at = 0;
  let start = 0;

  function take(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found?.[1] ?? found?.[0];
  }

  function takePiece(): Piece | undefined {
    let found: string | undefined;
    if ((found = take(single)) !== undefined) return { kind: 'literal', text: found };
    if ((found = take(double) ?? take(dollar)) !== undefined) return { kind: 'expansion', text: found };
    if ((found = take(plain)) !== undefined) return { kind: 'plain', text: found };
    if ((found = take(escaped)) === undefined) return undefined;
    // A backslash that ends the text is itself; one that ends a line is not there, nor is the end of the line.
    return { kind: 'literal', text: found === '\\' ? found : found.slice(1).replace('\n', '') };
  }

  while (at < text.length) {
    start = at;
    if (take(blank) !== undefined) continue;
    const found = take(operator);
    if (found !== undefined) {
      tokens.push(redundant[found] ?? found);
      continue;
    }
    const pieces: Piece[] = [];
    for (let piece = takePiece(); piece; piece = takePiece()) pieces.push(piece);
    tokens.push({ source: text.slice(start, at), pieces });
    const bad = pieces.map(unsupportedIn).find((found) => found !== undefined) ?? take(strange);
    if (bad !== undefined) return { tokens, problem: unexpected(bad), incomplete: false };
    const quote = take(open);
    if (quote !== undefined) {
      const problem = `unexpected EOF while looking for matching '${quote}'`;
      return { tokens, problem, incomplete: true };
    }
  }
  tokens.push('\n');
  // The last token, or blank, has taken in the end of its line: that line goes on.
  return { tokens, problem: undefined, incomplete: text.slice(start).endsWith('\\\n') };
}

function unsupportedIn({ kind, text }: Piece): string | undefined {
  return kind === 'expansion' && text.startsWith('"') ? unsupported.exec(text)?.[1] : undefined;
}
