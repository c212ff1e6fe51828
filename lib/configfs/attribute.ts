/**
 * An attribute: a file in an item's directory. One table of them serves every item of a kind.
 *
 * `show` and `store` refuse by throwing a `BcfsError`, whose errno the caller gets. Anything else that they throw
 * is a mistake in them: it is logged, and the caller gets EIO.
 */
import type { Caller } from '../errors.js';
import type { Item } from './item.js';

/** A value is one page at the most, as in the kernel: SIMPLE_ATTR_SIZE, bytes. */
export const ATTRIBUTE_SIZE = 4096;

export interface Attribute<I extends Item = Item> {
  /** 1 to 255 bytes, no slash, no NUL, not `.` or `..`: checked when the item enters a tree. */
  readonly name: string;
  /** Its permission bits, 0444 and the like. No r: it is never opened for reading, by root either; so with w. */
  readonly mode: number;
  /** The value, at most ATTRIBUTE_SIZE bytes of UTF-8. Default: it cannot be read. */
  show?(item: I): string;
  /**
   * Takes what one write wrote: at most ATTRIBUTE_SIZE - 1 bytes, decoded as UTF-8, a newline at its end if there
   * was one. Default: it cannot be written.
   *
   * @param caller who writes, with the uid and gid of whoever opened the file, unless that was root; undefined where the
   * transport does not tell
   */
  store?(item: I, text: string, caller: Caller | undefined): void;
}
