/**
 * A beancounter: an id, one counter per resource, and references.
 *
 * It lives as long as anyone holds a reference: its directory, each task in it, each object charged to it.
 * When the last one goes it is finished: its resources' fini hooks run, and what is still held is logged.
 */
import { BcfsError } from '../errors.js';
import type { Counter } from './counter.js';
import type { Registry } from './registry.js';
import type { Resource } from './resource.js';

export class Beancounter {
  readonly registry: Registry;
  /** From 0 to 2^32 - 1. */
  readonly id: number;
  /** By the resource's index in the registry, which alone adds to them. */
  counters: Counter[] = [];
  #references = 1;

  /** Made by the registry alone: `registry.get(id)`. The maker holds the first reference. */
  constructor(registry: Registry, id: number) {
    this.registry = registry;
    this.id = id;
  }

  /** How many references are held. */
  get references(): number {
    return this.#references;
  }

  /**
   * The counter of a resource; programs that charge often keep it.
   *
   * @throws BcfsError EINVAL if the resource is not registered
   */
  counter(resource: Resource): Counter {
    const counter = this.counters[this.registry.indexOf(resource)];
    if (counter === undefined) throw new BcfsError('EINVAL', `resource ${resource.name} is not registered`);
    return counter;
  }

  /** Takes a reference. */
  get(): this {
    this.#mustLive();
    this.#references += 1;
    return this;
  }

  /**
   * Drops a reference, and finishes the beancounter with the last one.
   *
   * @throws BcfsError EINVAL if none is left to drop, or only the registry's own on beancounter 0: the caller put
   * more than it got
   */
  put(): void {
    this.#mustLive();
    if (this.#references === 1 && this === this.registry.root) {
      throw new BcfsError('EINVAL', "the last reference on beancounter 0 is the registry's");
    }
    this.#references -= 1;
    if (this.#references === 0) this.registry.finish(this);
  }

  #mustLive(): void {
    if (this.#references === 0) throw new BcfsError('EINVAL', `beancounter ${this.id} is finished`);
  }
}
