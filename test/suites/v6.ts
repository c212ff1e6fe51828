import type { Backend } from './backend.js';

/** A backend of beancounters. */
export interface BeancounterBackend extends Backend {
  /** Charges with BARRIER. */
  charge(id: number, resource: string, units: number): Promise<void>;
  uncharge(id: number, resource: string, units: number): Promise<void>;
  /** The ids of every known task's exec_bc. */
  execBcs(): Promise<number[]>;
}
