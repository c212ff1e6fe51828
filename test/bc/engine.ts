/** A registry whose log is kept, and what a counter shows, for the tests of the engine. */
import type { Counter } from '../../lib/bc/counter.js';
import { Registry, type RegistryOptions } from '../../lib/bc/registry.js';
import type { Resource } from '../../lib/bc/resource.js';
import { MAXVALUE } from '../../lib/bc/value.js';

export interface Engine {
  readonly registry: Registry;
  /** What was logged, a line each. */
  readonly log: string[];
}

export function engine(options: Omit<RegistryOptions, 'log'> = {}): Engine {
  const log: string[] = [];
  return { registry: new Registry({ ...options, log: (message) => log.push(message) }), log };
}

/** A resource of a test's own. */
export function custom(overrides: Partial<Resource> = {}): Resource {
  return { name: 'widgets', unit: 'items', barrier: MAXVALUE, limit: MAXVALUE, ...overrides };
}

/** The counter of a resource with these parameters, in a beancounter of its own. */
export function counterOf(resource: Resource, barrier: number | bigint, limit: number | bigint): Counter {
  const { registry } = engine({ resources: [resource] });
  const counter = registry.get(1).counter(resource);
  counter.change(barrier, limit);
  return counter;
}

/** A counter without hooks, with these parameters. */
export function plainCounter(barrier: number | bigint, limit: number | bigint): Counter {
  return counterOf(custom(), barrier, limit);
}

/** All that a counter shows. */
export function shown(counter: Counter) {
  const { held, maxheld, minheld, failcnt, barrier, limit } = counter;
  return { held, maxheld, minheld, failcnt, barrier, limit };
}
