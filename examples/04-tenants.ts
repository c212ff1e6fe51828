/**
 * 04-tenants: a program that embeds the engine. Its tenants are beancounters, and what it counts is its own.
 *
 *     node dist/examples/04-tenants.js [mountpoint]
 *
 * The program registers a resource, `connections`, beside the five of v6. It charges one for each connection that
 * a tenant opens, and opens none that is refused. Registry, tree, mount: three lines, and while it runs its
 * operators look at what each tenant holds, and set its limit:
 *
 *     # cat 7/connections/held 7/connections/failcnt
 *     5
 *     3
 *     # echo 8 > 7/connections/limit
 *
 * With a mountpoint it runs until ^C; without one it plays the operator itself, and ends.
 */
import { beancounterTree, mount, Registry, Severity, type Counter, type Resource, type Tree } from 'bcfs';
import { setTimeout as delay } from 'node:timers/promises';
import { read, write } from './print.js';

/** What is counted. A hook tells the program what its operators do; it could refuse. */
const connections: Resource = {
  name: 'connections',
  unit: 'connections',
  barrier: 5n,
  limit: 5n,
  change: ({ beancounter }, barrier, limit) =>
    say(beancounter.id, `has barrier ${barrier}, limit ${limit} now`),
};

/** A tenant wants one connection more at each turn, until it has what it wants. */
class Tenant {
  readonly id: number;
  readonly wanted: number;
  /** Kept, for it is charged often. */
  readonly #counter: Counter;
  #wasRefused = false;

  constructor(registry: Registry, id: number, wanted: number) {
    this.id = id;
    this.wanted = wanted;
    // The tenant holds a reference: its beancounter lives as long as it does, with or without a directory.
    this.#counter = registry.get(id).counter(connections);
  }

  turn(): void {
    if (this.#counter.held < this.wanted) this.#open();
  }

  /** A real program would open a socket. What it charges here, it uncharges in `close`. */
  #open(): void {
    if (this.#counter.tryCharge(1, Severity.LIMIT)) {
      say(this.id, `opens connection ${this.#counter.held}`);
      this.#wasRefused = false;
    } else {
      if (!this.#wasRefused) say(this.id, `is refused connection ${this.#counter.held + 1}`);
      this.#wasRefused = true;
    }
  }

  close(count: number): void {
    this.#counter.uncharge(count);
    say(this.id, `closes ${count}, holds ${this.#counter.held}`);
  }
}

function say(id: number, what: string): void {
  console.log(`tenant ${id} ${what}`);
}

/** Milliseconds between two turns. */
const TURN = 50;

async function run(tenants: readonly Tenant[]): Promise<never> {
  for (;;) {
    for (const tenant of tenants) tenant.turn();
    await delay(TURN);
  }
}

async function main(mountpoint: string | undefined): Promise<void> {
  const registry = new Registry();
  registry.register(connections);
  const tenants = [new Tenant(registry, 7, 10), new Tenant(registry, 8, 2)];
  const tree = beancounterTree(registry);
  // A directory for each tenant, that the operators need not make.
  for (const { id } of tenants) tree.mkdir(tree.root, String(id));
  if (mountpoint === undefined) return playOperator(tree, tenants);

  const mounted = await mount(tree, mountpoint);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void mounted.unmount(true));
  }
  // At once, as Mount.unmount asks for.
  void mounted.gone.then(() => process.exit(0));
  console.log(`mounted on ${mounted.mountpoint}; end with ^C`);
  await run(tenants);
}

/** The same without a mount: what the operators do with cat and echo is done in process. */
function playOperator(tree: Tree, tenants: readonly Tenant[]): void {
  const turns = (count: number) => {
    for (let turn = 0; turn < count; turn += 1) for (const tenant of tenants) tenant.turn();
  };
  const cat = (path: string) => {
    const node = tree.resolve(path);
    console.log(`# cat ${path}\n${typeof node === 'number' ? '' : read(tree, node)}`);
  };
  const echo = (text: string, path: string) => {
    console.log(`# echo ${text} > ${path}`);
    const complaint = write(tree, path, text);
    if (complaint !== '') console.log(`echo: write error: ${complaint}`);
  };

  turns(8);
  cat('7/connections/held');
  cat('7/connections/failcnt');
  echo('8', '7/connections/limit');
  turns(3);
  cat('7/connections/held');
  echo('9', '7/connections/barrier');
  tenants[0]?.close(8);
  cat('7/connections/held');
  cat('7/connections/maxheld');
}

await main(process.argv[2]).catch((error: unknown) => {
  console.error((error as Error).message);
  process.exit(1);
});
