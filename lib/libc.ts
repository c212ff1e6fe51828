/** The way to libc for the calls that Node does not have. Linux only. */
import { createRequire } from 'node:module';

/** Loads koffi and libc: with the first call that needs them, for programs that only count never make one. */
export function loadLibc() {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  return { koffi, library: koffi.load('libc.so.6') };
}
