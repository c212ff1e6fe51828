/** echo. Source: bash, builtins/echo.def. */
import type { Command } from './command.js';

export const echo: Command = {
  usage: '[-neE] [ARG]...',
  summary: 'print arguments; -n: no newline; -e: with \\t \\n \\0NNN \\xHH',
  builtin: true,
  run(call) {
    const { operands } = call;
    const words = operands.findIndex((word) => !/^-[neE]+$/.test(word));
    const args = words < 0 ? [] : operands.slice(words);
    const flags = operands.slice(0, operands.length - args.length).join('');
    const text = args.join(' ');
    const newline = flags.includes('n') ? '' : '\n';
    if (/e[^eE]*$/.test(flags)) call.print(unescape(text + newline));
    else call.print(text + newline);
    return 0;
  },
};

const letters: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

/** Bytes, for an escape need not be a character. What follows `\c` is dropped. */
function unescape(text: string): Uint8Array {
  const bytes = Buffer.from(text).toString('latin1');
  const replaced = bytes.replace(
    /\\(?:c[^]*|([abeEfnrtv\\])|0([0-7]{0,3})|x([0-9A-Fa-f]{1,2}))/g,
    (_, letter?: string, octal?: string, hex?: string) => {
      if (letter !== undefined) return String(letters[letter]);
      if (octal !== undefined) return String.fromCharCode(Number(`0o0${octal}`) & 0xff);
      return hex === undefined ? '' : String.fromCharCode(Number(`0x${hex}`));
    },
  );
  return Buffer.from(replaced, 'latin1');
}
