import type { OpenAttribute } from '../configfs/open-attribute.js';

/** Open attributes by number, as a file descriptor table has them: a number is used again when it is free. */
export class OpenTable {
  readonly #files: (OpenAttribute | undefined)[] = [];
  readonly #free: number[] = [];

  enter(file: OpenAttribute): number {
    const fd = this.#free.pop() ?? this.#files.length;
    this.#files[fd] = file;
    return fd;
  }

  get(fd: number): OpenAttribute | undefined {
    return this.#files[fd];
  }

  leave(fd: number): boolean {
    if (!this.#files[fd]) return false;
    this.#files[fd] = undefined;
    this.#free.push(fd);
    return true;
  }
}
