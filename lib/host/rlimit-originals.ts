/** The soft limits that processes had before they were changed, in a file that outlives bcfs. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from './make-directory.js';

/** One process's own soft limits; undefined: that one was not changed. */
export interface Original {
  readonly pid: number;
  /** Clock ticks since boot: tells it from another process of the same pid. */
  readonly start: string;
  /** RLIMIT_NOFILE, items. */
  readonly nofile?: number | undefined;
  /** RLIMIT_DATA, bytes. */
  readonly data?: number | undefined;
}

export interface Originals {
  /** What was kept last; empty if nothing was, or it cannot be read. */
  read(): Original[];
  /** Atomic: whoever reads finds the old ones or the new ones. Throws what the filesystem answers. */
  keep(originals: readonly Original[]): void;
}

/** One line for each process: pid, start, nofile, data; `-` for one that was not changed. */
export function originalsFile(path: string): Originals {
  return {
    read() {
      try {
        return readFileSync(path, 'utf8')
          .split('\n')
          .flatMap((line) => parse(line) ?? []);
      } catch {
        return [];
      }
    },
    keep(originals) {
      if (originals.length === 0) return rmSync(path, { force: true });
      makeDirectory(dirname(path));
      const lines = originals.map(
        ({ pid, start, nofile, data }) => `${pid} ${start} ${nofile ?? '-'} ${data ?? '-'}\n`,
      );
      writeFileSync(`${path}.new`, lines.join(''), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
  };
}

function parse(line: string): Original | undefined {
  const [, pid, start, nofile, data] = /^(\d+) (\d+) (\d+|Infinity|-) (\d+|Infinity|-)$/.exec(line) ?? [];
  if (pid === undefined || start === undefined) return undefined;
  const number = (word?: string) => (word === '-' ? undefined : Number(word));
  return { pid: Number(pid), start, nofile: number(nofile), data: number(data) };
}
