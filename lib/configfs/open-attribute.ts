/**
 * An open attribute: what one open(2) sees of it.
 *
 * The first read takes the whole value, and every further read of the same open is served from that, so that a
 * value read in pieces is never two values. A write is one store, wherever it is said to go; the read after it
 * takes the value anew. Source: Linux fs/configfs/file.c; configfs.md.
 */
import { errno, isErrno, type Errno } from '../errors.js';
import { ATTRIBUTE_SIZE, type Attribute } from './attribute.js';
import type { Item } from './item.js';

/** Runs a show or a store, and turns what it throws into an errno. */
export type Guard = <T>(call: () => T) => T | Errno;

export class OpenAttribute {
  readonly #item: Item;
  readonly #attribute: Attribute;
  readonly #guard: Guard;
  #value: Buffer | undefined;

  /** Made by `Tree.open`, which has looked at the access mode. */
  constructor(item: Item, attribute: Attribute, guard: Guard) {
    this.#item = item;
    this.#attribute = attribute;
    this.#guard = guard;
  }

  /**
   * Copies the value from byte `position` on into `buffer`.
   *
   * @returns the bytes copied, 0 at the end; ENOENT if the item is gone and nothing was read before
   */
  read(buffer: Uint8Array, position: number): number | Errno {
    const value = this.#value ?? this.#show();
    if (isErrno(value)) return value;
    this.#value = value;
    return value.copy(buffer, 0, Math.min(position, value.length));
  }

  /**
   * Stores the whole of `bytes`, of which the store sees the first ATTRIBUTE_SIZE - 1.
   *
   * @returns the bytes stored
   */
  write(bytes: Uint8Array): number | Errno {
    if (!this.#item.link) return -errno.ENOENT;
    this.#value = undefined;
    const seen = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, ATTRIBUTE_SIZE - 1));
    const text = seen.toString();
    const refused = this.#guard(() => {
      this.#attribute.store?.(this.#item, text);
    });
    return isErrno(refused) ? refused : seen.length;
  }

  #show(): Buffer | Errno {
    if (!this.#item.link) return -errno.ENOENT;
    return this.#guard(() => {
      const value = Buffer.from(this.#attribute.show?.(this.#item) ?? '');
      if (value.length <= ATTRIBUTE_SIZE) return value;
      throw new Error(`show gave ${value.length} bytes; a value has at most ${ATTRIBUTE_SIZE}`);
    });
  }
}
