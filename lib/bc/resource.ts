/**
 * What can be counted. A resource is a name, a unit, the parameters of a new beancounter, and hooks.
 *
 * Hooks see the counter, and through it the beancounter. None of them may wait: the engine is synchronous.
 * Source: v6.md, the engine, "Hooks".
 */
import type { Counter, Severity } from './counter.js';
import { MAXVALUE } from './value.js';

export interface Resource {
  /** The name of its directory in each beancounter: unique in a registry, lower case letters, digits and _. */
  readonly name: string;
  /** What one unit is: `bytes`, `pages`, `items`, or a program's own word. */
  readonly unit: string;
  /** The barrier of a new beancounter. Beancounter 0 starts unlimited. */
  readonly barrier: bigint;
  /** The limit of a new beancounter. */
  readonly limit: bigint;

  /**
   * Runs once for each new beancounter. A throw unrolls the resources before, and the creation fails with it. The
   * registry is between two states then: it refuses with EBUSY to create a beancounter or to register a resource, and
   * the hook may not put a reference that it did not take.
   */
  init?(counter: Counter): void;
  /** Runs before both parameters change. A throw refuses the change. */
  change?(counter: Counter, barrier: bigint, limit: bigint): void;
  /** Runs before a LIMIT charge of `val` that takes held from below the barrier to above it. */
  barrierHit?(counter: Counter, val: number): void;
  /**
   * Decides about a charge that would be refused. It may make room, charge again, and answer true: then the
   * charge is granted. A hook that answers false counts the failure itself.
   */
  limitHit?(counter: Counter, val: number, severity: Severity): boolean;
  /** Runs when the beancounter's last reference goes. A throw is logged, and stops nothing. */
  fini?(counter: Counter): void;
}

/** What stands where nobody registered a resource: it counts, unlimited, and no tree shows it. */
export const dummy: Resource = { name: 'dummy', unit: 'items', barrier: MAXVALUE, limit: MAXVALUE };
