/**
 * An open attribute: what one open(2) sees of it.
 *
 * The first read takes the whole value, and every further read of the same open is served from that, so that a
 * value read in pieces is never two values. A write is one store, wherever it is said to go; the read after it
 * takes the value anew. Source: Linux fs/configfs/file.c; configfs.md.
 */
import { errno, isErrno, type Caller, type Errno } from '../errors.js';
import { ATTRIBUTE_SIZE, type Attribute } from './attribute.js';
import type { Item, Link } from './item.js';

/** Runs a show or a store, and turns what it throws into an errno. */
export type Guard = <T>(call: () => T) => T | Errno;

/** What it was opened for. */
export interface Access {
  readonly reads: boolean;
  readonly writes: boolean;
  /** Who opened it; undefined where nobody knows. */
  readonly opener?: Caller | undefined;
}

export class OpenAttribute {
  readonly #item: Item;
  /** As it was when it was opened: an item that is removed and comes again is another one. */
  readonly #link: Link | undefined;
  readonly #attribute: Attribute;
  readonly #access: Access;
  readonly #guard: Guard;
  #value: Buffer | undefined;

  /** Made by `Tree.open`, which has looked at what the attribute allows. */
  constructor(item: Item, attribute: Attribute, access: Access, guard: Guard) {
    this.#item = item;
    this.#link = item.link;
    this.#attribute = attribute;
    this.#access = access;
    this.#guard = guard;
  }

  /**
   * Copies the value from byte `position` on into `buffer`, which is not used after the call.
   *
   * @returns the bytes copied, 0 at the end; EBADF if it is not open for reading; ENOENT if the item is gone and
   * nothing was read before
   */
  read(buffer: Uint8Array, position: number): number | Errno {
    if (!this.#access.reads) return -errno.EBADF;
    const value = this.#value ?? this.#show();
    if (isErrno(value)) return value;
    this.#value = value;
    return value.copy(buffer, 0, Math.min(position, value.length));
  }

  /**
   * Stores the whole of `bytes`, of which the store sees the first ATTRIBUTE_SIZE - 1. A program with more rights that
   * was handed the descriptor writes with those of the user who opened it: what it writes may be that user's choice.
   * `bytes` are not used after the call.
   *
   * @param caller who writes; undefined where nobody knows
   * @returns the bytes stored; EBADF if it is not open for writing; ENOENT if the item is gone
   */
  write(bytes: Uint8Array, caller?: Caller): number | Errno {
    if (!this.#access.writes) return -errno.EBADF;
    if (this.#isGone) return -errno.ENOENT;
    this.#value = undefined;
    const seen = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, ATTRIBUTE_SIZE - 1));
    const text = seen.toString();
    const { opener } = this.#access;
    const writer =
      caller && opener && opener.uid !== 0 ? { ...caller, uid: opener.uid, gid: opener.gid } : caller;
    const refused = this.#guard(() => {
      this.#attribute.store?.(this.#item, text, writer);
    });
    return isErrno(refused) ? refused : seen.length;
  }

  get #isGone(): boolean {
    return this.#item.link !== this.#link;
  }

  #show(): Buffer | Errno {
    if (this.#isGone) return -errno.ENOENT;
    return this.#guard(() => {
      // Anything but a string is a mistake in show, and throws here.
      const value = Buffer.from(this.#attribute.show?.(this.#item) as string);
      if (value.length <= ATTRIBUTE_SIZE) return value;
      throw new Error(`show gave ${value.length} bytes; a value has at most ${ATTRIBUTE_SIZE}`);
    });
  }
}
