/** Messages of the FUSE protocol in a buffer: fields by their layout, names, bytes. */
import type { Field, Layout } from './layout.js';

const HIGH = 2 ** 32;

/** A window on a buffer that is used again and again. */
export class Message {
  readonly bytes: Buffer;
  readonly #view: DataView;
  /** Where the message ends: what is behind it is of an earlier one. */
  end = 0;

  /** @param size bytes */
  constructor(size: number) {
    this.bytes = Buffer.alloc(size);
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size);
  }

  get({ offset, width }: Field, at = 0): number {
    const position = at + offset;
    if (width === 4) return this.#view.getUint32(position, true);
    if (width === 2) return this.#view.getUint16(position, true);
    return this.#view.getUint32(position, true) + this.#view.getUint32(position + 4, true) * HIGH;
  }

  /** A field of 8 bytes that may be below zero: a time. */
  getSigned({ offset }: Field, at = 0): number {
    const position = at + offset;
    return this.#view.getUint32(position, true) + this.#view.getInt32(position + 4, true) * HIGH;
  }

  set({ offset, width }: Field, at: number, value: number): void {
    const position = at + offset;
    if (width === 4) this.#view.setUint32(position, value, true);
    else if (width === 2) this.#view.setUint16(position, value, true);
    else {
      this.#view.setUint32(position, value, true);
      this.#view.setUint32(position + 4, Math.floor(value / HIGH), true);
    }
  }

  /** Appends a structure of zeros. @returns where it starts. @throws RangeError if the buffer has no room for it */
  append({ size }: Layout): number {
    const at = this.end;
    this.end += size;
    this.bytes.fill(0, at, this.end);
    return at;
  }

  /** Takes over a field of 8 bytes, whatever is in it. */
  copy(to: Field, from: Message, field: Field): void {
    const source = from.#view;
    this.#view.setUint32(to.offset, source.getUint32(field.offset, true), true);
    this.#view.setUint32(to.offset + 4, source.getUint32(field.offset + 4, true), true);
  }

  /** Whether a structure at `at` is all there. */
  holds({ size }: Layout, at: number): boolean {
    return at + size <= this.end;
  }
}
