/**
 * Names in messages, quoted as coreutils and bash quote them in the C locale: whatever is not printable ASCII is
 * escaped. Source: gnulib quotearg.c; bash lib/sh/strtrans.c.
 */

/** coreutils: for mkdir. `'it\'s'` */
export function quote(name: string): string {
  return `'${escape(name, /['\\]|[^ -~]/g)}'`;
}

/** coreutils: so that a shell reads it, always in quotes; for ls and rmdir. `'a b'`, `"it's"` */
export function quoteForShell(name: string): string {
  const bytes = bytesOf(name);
  if (bytes.includes("'") && /^[\w%+,\-./:\]@' ]+$/.test(bytes)) return `"${bytes}"`;
  const quoted = bytes
    .replaceAll("'", "'\\''")
    .replace(/[^ -~]+/g, (run) => `'$'${run.replace(/[^]/g, escapeByte)}''`);
  // What ends with an escape does not open another pair of quotes after it.
  return /[^ -~]$/.test(bytes) ? `'${quoted.slice(0, -1)}` : `'${quoted}'`;
}

/** coreutils: the same, but in quotes only where a shell needs them; for cat. `x`, `'a b'` */
export function quoteIfNeeded(name: string): string {
  return /^(?!~|#|[{}]$)[\w%+,\-./\]@{}#~]+$/.test(name) ? name : quoteForShell(name);
}

/** bash: as it is, or where that does not print, `$'a\tb'`. */
export function printable(name: string): string {
  return /[^ -~]/.test(name) ? `$'${escape(name, /['\\]|[^ -~]/g)}'` : name;
}

function bytesOf(name: string): string {
  return Buffer.from(name).toString('latin1');
}

function escape(name: string, special: RegExp): string {
  return bytesOf(name).replace(special, escapeByte);
}

const letters: Readonly<Record<string, string>> = {
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  "'": "'",
  '\\': '\\',
};

function escapeByte(byte: string): string {
  return `\\${letters[byte] ?? byte.charCodeAt(0).toString(8).padStart(3, '0')}`;
}
