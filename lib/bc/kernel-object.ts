/**
 * Kernel memory allocated for a task: a slab object, counted by its object size, or whole pages.
 * Source: v6.md, kmemsize (patches 6 and 7).
 */
import { BcfsError } from '../errors.js';
import type { Beancounter } from './beancounter.js';
import type { Severity } from './counter.js';
import { kmemsize } from './resources/kmemsize.js';

export class KernelObject {
  /** What it was charged to, whoever frees it. */
  readonly bc: Beancounter;
  readonly bytes: number;
  #allocated = true;

  /** @throws BcfsError ENOMEM if kmemsize is refused */
  constructor(bc: Beancounter, bytes: number, severity: Severity) {
    bc.counter(kmemsize).charge(bytes, severity);
    this.bc = bc.get();
    this.bytes = bytes;
  }

  /** @throws BcfsError EINVAL if it is free already */
  free(): void {
    if (!this.#allocated) throw new BcfsError('EINVAL', 'the object is free already');
    this.#allocated = false;
    this.bc.counter(kmemsize).uncharge(this.bytes);
    this.bc.put();
  }
}
