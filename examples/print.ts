/** Prints a tree without mounting it: each operation of a file system is a function that a program can call. */
import { ATTRIBUTE_SIZE, errnoName, isErrno, strerror, type Node, type Tree } from 'bcfs';
import { constants } from 'node:fs';

/** Prints every directory and every file below a node: its mode, its path, and what is in it. */
export function print(tree: Tree, node: Node = tree.root, path = ''): void {
  const stat = tree.getattr(node);
  const mode = isErrno(stat) ? '?' : (stat.mode & 0o777).toString(8).padStart(4, '0');
  const entries = tree.readdir(node);
  if (isErrno(entries)) {
    console.log(`${mode} ${path}: ${read(tree, node)}`);
    return;
  }
  console.log(`${mode} ${path}/`);
  for (const entry of entries) print(tree, entry.node, `${path}/${entry.name}`);
}

/** What `cat` of an attribute prints, or what it complains about. */
export function read(tree: Tree, node: Node): string {
  const file = tree.open(node, constants.O_RDONLY);
  if (isErrno(file)) return `(${strerror(errnoName(file))})`;
  const buffer = Buffer.alloc(ATTRIBUTE_SIZE);
  const length = file.read(buffer, 0);
  return isErrno(length) ? `(${strerror(errnoName(length))})` : buffer.toString('utf8', 0, length).trimEnd();
}

/** Does what `echo TEXT > PATH` does. @returns what it complains about; empty if it went well */
export function write(tree: Tree, path: string, text: string): string {
  const node = tree.resolve(path);
  const file = isErrno(node) ? node : tree.open(node, constants.O_WRONLY);
  const written = isErrno(file) ? file : file.write(Buffer.from(`${text}\n`));
  return written < 0 ? strerror(errnoName(written)) : '';
}
