/**
 * One resource of one beancounter: what is held, and how far it may go.
 *
 * charge and uncharge come in pairs, by whoever owns the thing that is counted. Two parameters bound what is
 * held: the barrier, above which whoever can cope is refused, and the limit, above which only what cannot be
 * refused still passes. A refusal is counted in failcnt, and so is nothing else.
 *
 * A charge that stays within the barrier is granted whatever its severity and runs no hook, and one that stays
 * within what was held before leaves maxheld as it is: that is the whole hot path, one comparison, and it
 * allocates nothing. Everything else is decided in `decide`.
 *
 * Source: v6.md, the engine (patch 3 of the beancounter patch set, version 6).
 */
import { BcfsError } from '../errors.js';
import type { Beancounter } from './beancounter.js';
import type { Resource } from './resource.js';
import { MAXHELD, MAXVALUE, toValue } from './value.js';

/** How hard a charge insists: refused above the barrier, refused above the limit, never refused. */
export const Severity = { BARRIER: 0, LIMIT: 1, FORCE: 2 } as const;
export type Severity = (typeof Severity)[keyof typeof Severity];

/** The part of a parameter that a charge is compared with: held never passes MAXHELD. */
function bound(value: bigint): number {
  return value > MOST ? MAXHELD : Number(value);
}

/** MAXHELD, made once: a comparison that allocates nothing. */
const MOST = BigInt(MAXHELD);

export class Counter {
  readonly beancounter: Beancounter;
  readonly resource: Resource;

  /** What is charged now, in the resource's unit. Counts are the engine's to write, everyone's to read. */
  held = 0;
  /** The most that was ever held. */
  maxheld = 0;
  /** How many charges were refused. */
  failcnt = 0;

  /** Up to here a charge changes nothing but held: the lesser of maxheld and the barrier. */
  #hotBound = 0;
  #barrierBound: number;
  #barrier: bigint;
  #limit: bigint;

  constructor(beancounter: Beancounter, resource: Resource, barrier: bigint, limit: bigint) {
    this.beancounter = beancounter;
    this.resource = resource;
    this.#barrier = barrier;
    this.#limit = limit;
    this.#barrierBound = bound(barrier);
  }

  /** The least that was ever held. It starts at 0, held is never below that, and so it stays 0: that is v6. */
  get minheld(): number {
    return 0;
  }

  /** The barrier, exact, in the resource's unit. */
  get barrier(): bigint {
    return this.#barrier;
  }

  /** The limit, exact, in the resource's unit. */
  get limit(): bigint {
    return this.#limit;
  }

  /**
   * Charges `val` units. What would bring held above 2^53 - 1 is refused like what is over the limit.
   *
   * @returns whether it was granted
   * @throws BcfsError EINVAL if `val` is not a whole number from 0 to 2^53 - 1; nothing changes
   */
  tryCharge(val: number, severity: Severity): boolean {
    const held = this.held + val;
    // One comparison tells whole numbers from all else; those of 2^32 and more take the long way.
    if (val >>> 0 !== val) return this.#decide(val, severity);
    if (held > this.#hotBound) {
      if (held > this.#barrierBound) return this.#decide(val, severity);
      this.#raiseMaxheld(held);
    }
    this.held = held;
    return true;
  }

  /**
   * Charges `val` units, for callers that want an error.
   *
   * @throws BcfsError ENOMEM if the charge is refused, EINVAL as `tryCharge` does
   */
  charge(val: number, severity: Severity): void {
    if (this.tryCharge(val, severity)) return;
    throw new BcfsError(
      'ENOMEM',
      `beancounter ${this.beancounter.id}: ${this.resource.name} refused ${val} ${this.resource.unit}: ` +
        `held ${this.held}, barrier ${this.#barrier}, limit ${this.#limit}`,
    );
  }

  /** Whether a charge would be granted without asking the limit-hit hook. */
  fits(val: number, severity: Severity): boolean {
    return this.held + val <= this.#boundOf(severity);
  }

  /**
   * Gives back `val` units that were charged. More than is held is a bug of the caller: it is logged, and only
   * what is held is given back.
   *
   * @throws BcfsError EINVAL if `val` is not a whole number from 0 to 2^53 - 1; nothing changes
   */
  uncharge(val: number): void {
    const held = this.held - val;
    this.held = val >>> 0 === val && held >= 0 ? held : this.#clamp(val);
  }

  /**
   * Takes over what was found to be held outside the engine: by the tasks of a machine, say. Unlike a charge it is
   * never refused. Where it comes from below the barrier, or from it, to above it, the barrier-hit hook runs first.
   *
   * @param held in the resource's unit; above 2^53 - 1 it is that
   * @param maxheld the most that was held meanwhile, where that is known
   * @throws BcfsError EINVAL if one of them is not a number from 0 on, whole up to 2^53 - 1; nothing changes
   */
  observe(held: number, maxheld = held): void {
    const now = Math.min(held, MAXHELD);
    const most = Math.min(Math.max(maxheld, held), MAXHELD);
    mustBeCount(now);
    mustBeCount(most);
    if (this.held <= this.#barrierBound && now > this.#barrierBound) {
      this.resource.barrierHit?.(this, now - this.held);
    }
    this.held = now;
    if (most > this.maxheld) this.#raiseMaxheld(most);
  }

  /**
   * Sets barrier and limit together, or neither.
   *
   * @throws BcfsError EINVAL if barrier > limit, or either is negative or above MAXVALUE
   * @throws whatever the resource's change hook refuses with
   */
  change(barrier: number | bigint, limit: number | bigint): void {
    const newBarrier = toValue(barrier);
    const newLimit = toValue(limit);
    if (newLimit > MAXVALUE) throw new BcfsError('EINVAL', `limit ${newLimit} is above ${MAXVALUE}`);
    if (newBarrier > newLimit) {
      throw new BcfsError('EINVAL', `barrier ${newBarrier} is above limit ${newLimit}`);
    }
    this.resource.change?.(this, newBarrier, newLimit);
    this.#barrier = newBarrier;
    this.#limit = newLimit;
    this.#barrierBound = bound(newBarrier);
    this.#hotBound = Math.min(this.maxheld, this.#barrierBound);
  }

  #raiseMaxheld(held: number): void {
    this.maxheld = held;
    this.#hotBound = Math.min(held, this.#barrierBound);
  }

  #decide(val: number, severity: Severity): boolean {
    mustBeCount(val);
    const { resource } = this;
    if (!this.fits(val, severity)) return this.#refuse(val, severity);
    if (severity === Severity.LIMIT && resource.barrierHit) {
      if (this.held < this.#barrierBound && this.held + val > this.#barrierBound) {
        resource.barrierHit(this, val);
        // The hook may have charged or uncharged.
        if (!this.fits(val, severity)) return this.#refuse(val, severity);
      }
    }
    this.held += val;
    if (this.held > this.maxheld) this.#raiseMaxheld(this.held);
    return true;
  }

  #boundOf(severity: Severity): number {
    switch (severity) {
      case Severity.BARRIER:
        return this.#barrierBound;
      case Severity.LIMIT:
        return bound(this.#limit);
      case Severity.FORCE:
        return MAXHELD;
    }
  }

  #refuse(val: number, severity: Severity): boolean {
    if (this.resource.limitHit) return this.resource.limitHit(this, val, severity);
    this.failcnt += 1;
    return false;
  }

  #clamp(val: number): number {
    mustBeCount(val);
    if (val <= this.held) return this.held - val;
    this.beancounter.registry.log(`Uncharging too much of ${this.resource.name}: ${val} vs ${this.held}`);
    return 0;
  }
}

function mustBeCount(val: number): void {
  if (!Number.isSafeInteger(val) || val < 0) {
    throw new BcfsError('EINVAL', `cannot charge or uncharge ${val}: not a whole number from 0 to 2^53 - 1`);
  }
}
