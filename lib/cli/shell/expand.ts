/** A word to the arguments it stands for: quotes removed, `$name` replaced, `*`, `?` and `[` matched with names. */
import picomatch from 'picomatch';
import { parse } from 'shell-quote';
import { isErrno } from '../../errors.js';
import { isDirectory, type Files } from './files.js';
import type { Word } from './parse.js';

/** Names are matched as sh does: no `{a,b}`, no `+(a)`, no `**`, no `!a`. */
const matching: picomatch.PicomatchOptions = {
  dot: true,
  nobrace: true,
  noextglob: true,
  noglobstar: true,
  nonegate: true,
  posix: true,
};

/** A pattern that is longer than a path can be matches nothing. Bytes. */
const PATH_MAX = 4096;

/**
 * The arguments. A variable's value is one argument, or a part of one: it is not split, and its `*` match nothing.
 *
 * @param variable the value of a variable; undefined if it has none
 */
export function expand(
  { pieces }: Word,
  files: Files,
  variable: (name: string) => string | undefined,
): string[] {
  const parts = pieces.map(({ kind, text }) => ({
    isPlain: kind === 'plain',
    // Only a variable outside of quotes may be nothing at all.
    isVariable: kind === 'expansion' && !/^\$?['"]/.test(text),
    text: kind === 'expansion' ? expandPiece(text, variable) : text,
  }));
  const text = parts.map((part) => part.text).join('');
  if (text === '' && parts.every(({ isVariable }) => isVariable)) return [];
  const pattern = parts.map((part) => toPattern(part.text, part.isPlain)).join('');
  if (!isPattern(pattern) || pattern.length > PATH_MAX) return [text];
  const found = match(pattern, files);
  return found.length > 0 ? found : [text];
}

/** `"…"`, `$'…'` and `$name`, by shell-quote, which leaves a backslash before a newline and a backquote. */
function expandPiece(text: string, variable: (name: string) => string | undefined): string {
  const prepared = text.startsWith('"')
    ? text.replace(/\\([^])/g, (pair, char: string) => (char === '\n' ? '' : char === '`' ? char : pair))
    : text;
  // The name '' is a dollar without one. A piece has no operators, and so strings are all that comes back.
  const entries = parse(prepared, (name) => variable(name) ?? (name === '' ? undefined : '')) as string[];
  return entries.join('');
}

/** Text as picomatch has to have it: all that is not a pattern escaped. */
function toPattern(text: string, plain: boolean): string {
  return text.replace(plain ? /[^\w/*?[\]!^:-]/g : /[^\w/]/g, '\\$&');
}

function isPattern(pattern: string): boolean {
  return /[*?[]/.test(pattern.replace(/\\[^]/g, ''));
}

/** The paths that match, one name after the other. */
function match(pattern: string, files: Files): string[] {
  let paths = [''];
  for (const part of pattern.split(/(\/+)/)) {
    if (part === '') continue;
    if (part.startsWith('/')) {
      paths = paths.filter((path) => path === '' || isDirectoryAt(path, files)).map((path) => path + part);
    } else if (isPattern(part)) {
      const matches = picomatch(part, matching);
      paths = paths.flatMap((path) =>
        namesIn(path || '.', files)
          .filter((name) => matches(name))
          .map((name) => path + name),
      );
    } else {
      const name = part.replace(/\\([^])/g, '$1');
      paths = paths.map((path) => path + name).filter((path) => !isErrno(files.find(path)));
    }
  }
  return paths.sort();
}

function isDirectoryAt(path: string, files: Files): boolean {
  const found = files.find(path);
  return !isErrno(found) && isDirectory(found.stat);
}

function namesIn(path: string, files: Files): string[] {
  const entries = files.list(path);
  return isErrno(entries) ? [] : entries.slice(2).map(({ name }) => name);
}
