/**
 * An open file: the kernel's `struct file`, not a descriptor. Descriptors that dup and fork make share it.
 * Source: v6.md, numfiles (patch 13).
 */
import { BcfsError } from '../errors.js';
import type { Beancounter } from './beancounter.js';
import type { Severity } from './counter.js';
import { numfiles } from './resources/numfiles.js';

export class OpenFile {
  /** What it was charged to, whoever uses and closes it. */
  readonly bc: Beancounter;
  #users = 1;

  /** @throws BcfsError EMFILE if numfiles is refused */
  constructor(bc: Beancounter, severity: Severity) {
    if (!bc.counter(numfiles).tryCharge(1, severity)) {
      throw new BcfsError('EMFILE', `beancounter ${bc.id} holds ${bc.counter(numfiles).held} files`);
    }
    this.bc = bc.get();
  }

  /** One more descriptor: dup, fork, a descriptor passed on. */
  get(): this {
    this.#mustBeOpen();
    this.#users += 1;
    return this;
  }

  /** One descriptor less; the final close uncharges. */
  close(): void {
    this.#mustBeOpen();
    this.#users -= 1;
    if (this.#users > 0) return;
    this.bc.counter(numfiles).uncharge(1);
    this.bc.put();
  }

  #mustBeOpen(): void {
    if (this.#users === 0) throw new BcfsError('EBADF', 'the file is closed');
  }
}
