/** An archive as the kernel unpacks it into its first file system. Source: its driver-api/early-userspace/buffer-format.rst. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

const DIRECTORY = 0o040755;
const FILE = 0o100000;
const LINK = 0o120777;

export class Archive {
  readonly #fd: number;
  readonly #there = new Set(['/']);
  #inode = 1;
  /** Bytes, up to now. */
  size = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  directory(path: string): void {
    if (this.#there.has(path)) return;
    this.#entry(path, DIRECTORY, Buffer.alloc(0));
  }

  /** @param mode permission bits */
  file(path: string, content: Buffer | string, mode = 0o644): void {
    this.#entry(path, FILE | mode, Buffer.from(content));
  }

  link(path: string, target: string): void {
    this.#entry(path, LINK, Buffer.from(target));
  }

  /** Copies a file with its mode; what a link leads to, under the name of the link. */
  copy(from: string, path = from): void {
    this.file(path, readFileSync(from), statSync(from).mode & 0o777);
  }

  /** Copies a directory and what is below it. @param wants whether something of that path is copied */
  copyTree(from: string, path: string, wants: (path: string) => boolean): void {
    this.directory(path);
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const source = join(from, entry.name);
      if (!wants(source)) continue;
      const target = join(path, entry.name);
      if (entry.isDirectory()) this.copyTree(source, target, wants);
      else if (entry.isSymbolicLink()) this.link(target, readlinkSync(source));
      else this.copy(source, target);
    }
  }

  close(): void {
    this.#write('TRAILER!!!', 0, Buffer.alloc(0));
    closeSync(this.#fd);
  }

  #entry(path: string, mode: number, content: Buffer): void {
    if (this.#there.has(path)) return;
    const parent = dirname(path);
    if (parent !== '/') this.directory(parent);
    this.#there.add(path);
    this.#write(path.slice(1), mode, content);
  }

  #write(name: string, mode: number, content: Buffer): void {
    this.#inode += 1;
    const nameSize = Buffer.byteLength(name) + 1;
    // inode, mode, uid, gid, links, mtime, size, device of the file, device that it is, name, checksum
    const fields = [this.#inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, nameSize, 0];
    const header = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}${name}\0`;
    this.#pad(Buffer.from(header));
    this.#pad(content);
  }

  /** Writes bytes, and as many zeros as make them a multiple of four. */
  #pad(bytes: Buffer): void {
    const zeros = (4 - (bytes.length % 4)) % 4;
    const padded = zeros === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(zeros)]);
    for (let at = 0; at < padded.length;) at += writeSync(this.#fd, padded, at);
    this.size += padded.length;
  }
}
