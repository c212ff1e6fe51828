/**
 * The nodes that the kernel knows, by nodeid. A node's id is its inode number, which stays, and which no other
 * node ever has. The kernel counts how often it was given a node, and says when it forgets it that often.
 */
import type { Node } from '../../configfs/tree.js';

interface Known {
  readonly node: Node;
  lookups: number;
  /** Whether it was removed without this kernel's doing: a name that it remembers may still lead here. */
  isStale: boolean;
}

/** The protocol's id of the root; the kernel knows it without a lookup. */
export const ROOT_ID = 1;

export class Inodes {
  readonly #known = new Map<number, Known>();

  constructor(root: Node) {
    this.#known.set(ROOT_ID, { node: root, lookups: 1, isStale: false });
  }

  /** How many nodes the kernel knows. */
  get size(): number {
    return this.#known.size;
  }

  get(id: number): Node | undefined {
    return this.#known.get(id)?.node;
  }

  has(id: number): boolean {
    return this.#known.has(id);
  }

  isStale(id: number): boolean {
    return this.#known.get(id)?.isStale ?? false;
  }

  markStale(id: number): void {
    const known = this.#known.get(id);
    if (known) known.isStale = true;
  }

  /** The kernel is given a node once more. */
  give(id: number, node: Node): void {
    const known = this.#known.get(id);
    if (known) known.lookups += 1;
    else this.#known.set(id, { node, lookups: 1, isStale: false });
  }

  /** The kernel forgets a node so many times. */
  forget(id: number, lookups: number): void {
    const known = this.#known.get(id);
    if (!known || id === ROOT_ID) return;
    known.lookups -= lookups;
    if (known.lookups <= 0) this.#known.delete(id);
  }
}
