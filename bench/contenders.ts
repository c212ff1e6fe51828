/** Who is measured side by side. */
import type { Processes, Server, StartOptions } from './processes.js';
import { build } from './programs.js';
import type { Figure } from './report.js';

const starters = {
  'dev-fuse': (processes, options) => processes.bcfs({ ...options, transport: 'dev-fuse' }),
  'fuse-native': (processes, options) => processes.bcfs({ ...options, transport: 'fuse-native' }),
  plain: (processes, options) => processes.plain('few', options),
  'plain, all': (processes, options) => processes.plain('all', options),
  C: (processes, options) => peer(processes, options, []),
  // As bcfs is: the kernel checks the modes, and asks for those of a directory after each change of it.
  'C, checked': (processes, options) => peer(processes, options, ['-o', 'default_permissions']),
} satisfies Record<string, (processes: Processes, options: StartOptions) => Promise<Server | undefined>>;

async function peer(processes: Processes, options: StartOptions, args: readonly string[]) {
  const program = await build(processes, 'peer');
  return program === undefined ? undefined : processes.peer(program, options, args);
}

export type Contender = keyof typeof starters;

/** Starts those that can be started, in this order. */
export async function startAll(
  processes: Processes,
  names: readonly Contender[],
  options: StartOptions = {},
): Promise<Map<Contender, Server>> {
  const servers = await Promise.all(
    names.map(async (name) => [name, await starters[name](processes, options)] as const),
  );
  return new Map(servers.flatMap(([name, server]) => (server ? [[name, server] as const] : [])));
}

/** One call for each contender, by name: what `interleave` takes. */
export function each<T>(
  servers: ReadonlyMap<Contender, Server>,
  call: (server: Server, name: Contender) => Promise<T>,
): Readonly<Record<Contender, () => Promise<T>>> {
  return Object.fromEntries(
    [...servers].map(([name, server]) => [name, () => call(server, name)]),
  ) as unknown as Readonly<Record<Contender, () => Promise<T>>>;
}

/** The figure that compares two, if both were there: `value` is not a number otherwise. */
export function compared(
  what: string,
  value: number,
  other: Contender,
  wanted: Pick<Figure, 'atMost' | 'atLeast'>,
): Figure[] {
  return Number.isNaN(value) ? [] : [{ what, value, unit: `times ${other}`, ...wanted }];
}
