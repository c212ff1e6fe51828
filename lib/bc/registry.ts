/**
 * The one table of beancounters and the one table of resources.
 *
 * `get` finds a beancounter or creates it, and takes a reference either way. Beancounter 0, the host's, is
 * there from the start, unlimited, and never goes.
 */
import { BcfsError, describe, safeLog } from '../errors.js';
import { Beancounter } from './beancounter.js';
import { Counter } from './counter.js';
import { dummy, type Resource } from './resource.js';
import { kmemsize } from './resources/kmemsize.js';
import { numfiles } from './resources/numfiles.js';
import { numtasks } from './resources/numtasks.js';
import { physpages } from './resources/physpages.js';
import { privvmpages } from './resources/privvmpages.js';
import { MAXVALUE } from './value.js';

/** v6's resources, in index order. */
export const standardResources: readonly Resource[] = [kmemsize, privvmpages, physpages, numtasks, numfiles];

/** The largest id there is: v6's ids are 32 bits wide. */
export const MAXID = 2 ** 32 - 1;

export interface RegistryOptions {
  /** The resources, by index; a hole is a dummy. Default: v6's five. */
  readonly resources?: readonly (Resource | undefined)[];
  /** Takes one line about a caller's mistake. Default: a process warning. */
  readonly log?: (message: string) => void;
}

/** Is told of a resource that is registered, or asked about one. */
export type ResourceWatcher = (resource: Resource) => void;

export class Registry {
  /** Takes one line about a mistake: an uncharge of too much, a resource still held at the end, a throw in fini. */
  readonly log: (message: string) => void;
  /** Beancounter 0: the host's. */
  readonly root: Beancounter;
  readonly #resources: Resource[] = [];
  readonly #indices = new Map<Resource, number>();
  readonly #beancounters = new Map<number, Beancounter>();
  /** Each with what it is asked before. */
  readonly #watchers = new Map<ResourceWatcher, ResourceWatcher | undefined>();
  /** Whether init hooks are running. */
  #isEntering = false;

  constructor(options: RegistryOptions = {}) {
    this.log = safeLog(options.log ?? ((message) => process.emitWarning(message, 'BeancounterWarning')));
    for (const resource of options.resources ?? standardResources) this.#enter(resource ?? dummy);
    this.root = this.#create(0);
  }

  /** The registered resources, by index; `dummy` stands in each hole. */
  get resources(): readonly Resource[] {
    return this.#resources;
  }

  /** How many beancounters live, beancounter 0 included. */
  get size(): number {
    return this.#beancounters.size;
  }

  /** The index of a resource; -1 if it is not registered. */
  indexOf(resource: Resource): number {
    return this.#indices.get(resource) ?? -1;
  }

  /** Every living beancounter, in the order of their creation. */
  [Symbol.iterator](): IterableIterator<Beancounter> {
    return this.#beancounters.values();
  }

  /** The beancounter of an id, if it lives. Takes no reference. */
  find(id: number): Beancounter | undefined {
    return this.#beancounters.get(id);
  }

  /**
   * Finds the beancounter of an id, or creates it, and takes a reference, which the caller puts.
   *
   * @throws BcfsError EINVAL if the id is not a whole number from 0 to 2^32 - 1
   * @throws BcfsError EBUSY if it would be created in an init hook
   * @throws whatever a resource's init hook fails with; then nothing was created
   */
  get(id: number): Beancounter {
    const found = this.#beancounters.get(id);
    if (found) return found.get();
    if (!Number.isInteger(id) || id < 0 || id > MAXID) {
      throw new BcfsError('EINVAL', `${id} is not the id of a beancounter: 0 to ${MAXID}`);
    }
    return this.#create(id);
  }

  /**
   * Registers a program's own resource. Every beancounter counts it from now on, those that live included, and
   * every tree over this registry shows it.
   *
   * @returns its index
   * @throws BcfsError EINVAL for a name that cannot be a directory, EEXIST for one that is taken,
   * in the directory of a beancounter too, EBUSY in an init hook
   * @throws whatever its init hook fails with for a living beancounter; then it is not registered
   */
  register(resource: Resource): number {
    this.#mustNotBeEntering();
    const index = this.#enter(resource);
    const done: Counter[] = [];
    this.#isEntering = true;
    try {
      for (const mayRegister of this.#watchers.values()) mayRegister?.(resource);
      for (const beancounter of this) done.push(this.#count(beancounter, resource));
    } catch (error) {
      for (const counter of done.reverse()) this.#finish(counter);
      for (const beancounter of this) beancounter.counters.length = index;
      this.#resources.pop();
      this.#indices.delete(resource);
      throw error;
    } finally {
      this.#isEntering = false;
    }
    for (const watcher of this.#watchers.keys()) watcher(resource);
    return index;
  }

  /**
   * Calls `watcher` with each resource that is registered from now on. The answer stops it.
   *
   * @param mayRegister is called before anything has changed; a throw refuses the resource
   */
  onRegister(watcher: ResourceWatcher, mayRegister?: ResourceWatcher): () => void {
    this.#watchers.set(watcher, mayRegister);
    return () => this.#watchers.delete(watcher);
  }

  /** Ends a beancounter whose last reference has gone. Called by `put` alone. Never throws. */
  finish(beancounter: Beancounter): void {
    this.#beancounters.delete(beancounter.id);
    for (const counter of beancounter.counters) {
      this.#finish(counter);
      if (counter.held > 0) this.log(`Resource ${counter.resource.name} holds ${counter.held} on put`);
    }
  }

  #enter(resource: Resource): number {
    const { name, barrier, limit } = resource;
    if (resource !== dummy) {
      if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
        throw new BcfsError('EINVAL', `a resource cannot be called ${JSON.stringify(name)}: [a-z][a-z0-9_]*`);
      }
      if (reservedNames.has(name) || this.#resources.some((other) => other.name === name)) {
        throw new BcfsError('EEXIST', `the name ${name} is taken`);
      }
      if (barrier < 0n || barrier > limit || limit > MAXVALUE) {
        throw new BcfsError('EINVAL', `resource ${name}: barrier ${barrier}, limit ${limit}`);
      }
      this.#indices.set(resource, this.#resources.length);
    }
    return this.#resources.push(resource) - 1;
  }

  #create(id: number): Beancounter {
    this.#mustNotBeEntering();
    const beancounter = new Beancounter(this, id);
    this.#isEntering = true;
    try {
      for (const resource of this.#resources) this.#count(beancounter, resource);
      // Without the room for more that push has left: two thirds of the array.
      beancounter.counters = beancounter.counters.slice();
    } catch (error) {
      for (const counter of beancounter.counters.reverse()) this.#finish(counter);
      throw error;
    } finally {
      this.#isEntering = false;
    }
    this.#beancounters.set(id, beancounter);
    return beancounter;
  }

  #count(beancounter: Beancounter, resource: Resource): Counter {
    const [barrier, limit] = beancounter.id === 0 ? [MAXVALUE, MAXVALUE] : [resource.barrier, resource.limit];
    const counter = new Counter(beancounter, resource, barrier, limit);
    resource.init?.(counter);
    beancounter.counters.push(counter);
    return counter;
  }

  /** Runs fini. What it throws is logged: whoever puts the last reference can do nothing about it. */
  #finish(counter: Counter): void {
    try {
      counter.resource.fini?.(counter);
    } catch (error) {
      this.log(`Resource ${counter.resource.name}: fini: ${describe(error)}`);
    }
  }

  #mustNotBeEntering(): void {
    if (this.#isEntering)
      throw new BcfsError('EBUSY', 'an init hook creates no beancounter, registers no resource');
  }
}

/** v6 gives these names to other things in a beancounter's directory. */
const reservedNames = new Set(['id', 'tasks', 'threads', 'dummy']);
