/**
 * What a host has to find again after its daemon was killed, and the kernel does not keep: a file of lines of JSON.
 *
 * Each change is appended with one write, so that a change that was answered is there. When it has grown to much more
 * than what is to be known, it is written anew beside itself and renamed. A last line that is not whole is not read.
 */
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from './make-directory.js';

/** Lines that are appended before the file is written anew, at the least. */
const MIN_APPENDED = 1000;

export class StateFile<Line> {
  readonly path: string;
  readonly #lines: () => Iterable<Line>;
  readonly #log: (message: string) => void;
  #whole = 0;
  #appended = 0;
  /** Whether a change could not be written: then nothing short of the whole will do. */
  #isBehind = false;

  /**
   * @param lines gives all that is to be known now
   * @param log takes one line when it cannot be written, and one when it can be again
   */
  constructor(path: string, lines: () => Iterable<Line>, log: (message: string) => void) {
    this.path = path;
    this.#lines = lines;
    this.#log = log;
  }

  /** What was written, in the order in which it happened; nothing where there is no file. */
  load(): Line[] {
    const lines: Line[] = [];
    for (const line of this.#read().split('\n')) {
      try {
        if (line !== '') lines.push(JSON.parse(line) as Line);
      } catch {
        // The daemon was killed, or the disk was full, in the middle of it.
      }
    }
    return lines;
  }

  /** Writes a change. What cannot be written is tried again with the next one, and by `flush`. */
  append(line: Line): void {
    if (this.#isBehind || this.#appended > this.#whole + MIN_APPENDED) return this.rewrite();
    this.#try(() => {
      appendFileSync(this.path, `${JSON.stringify(line)}\n`);
      this.#appended += 1;
    });
  }

  /** Whether something could not be written. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Writes what could not be written before. */
  flush(): void {
    if (this.#isBehind) this.rewrite();
  }

  /** Writes all that is to be known. */
  rewrite(): void {
    this.#try(() => {
      const lines = [...this.#lines()];
      const beside = `${this.path}.new`;
      makeDirectory(dirname(this.path));
      try {
        writeFileSync(beside, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 });
        renameSync(beside, this.path);
      } catch (error) {
        rmSync(beside, { force: true }); // it may have filled the disk
        throw error;
      }
      this.#whole = lines.length;
      this.#appended = 0;
    });
  }

  /** Takes the file away. */
  remove(): void {
    rmSync(this.path, { force: true });
    rmSync(`${this.path}.new`, { force: true });
  }

  #read(): string {
    try {
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code)))
        this.#log(`${this.path}: ${(error as Error).message}`);
      return '';
    }
  }

  #try(write: () => void): void {
    try {
      write();
      if (this.#isBehind) this.#log(`${this.path}: written again`);
      this.#isBehind = false;
    } catch (error) {
      if (!this.#isBehind) {
        this.#log(
          `${this.path}: ${(error as Error).message}: a daemon that is killed now forgets what changes`,
        );
      }
      this.#isBehind = true;
    }
  }
}
