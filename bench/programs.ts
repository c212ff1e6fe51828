/** The benchmark's programs in C. A machine that cannot build one is measured without it, and told what is missing. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Processes } from './processes.js';

const run = promisify(execFile);

interface Program {
  /** Of pkg-config. */
  readonly packages: readonly string[];
  readonly needs: string;
  readonly without: string;
}

const programs = {
  client: { packages: [], needs: 'cc', without: 'a client of Node takes its place' },
  peer: {
    packages: ['fuse3'],
    needs: 'cc, pkg-config and libfuse3-dev',
    without: 'nothing is compared with C',
  },
} satisfies Record<string, Program>;

/** The path of the program, built; undefined if it cannot be built. */
export async function build(processes: Processes, name: keyof typeof programs): Promise<string | undefined> {
  const { packages, needs, without }: Program = programs[name];
  const source = fileURLToPath(new URL(`../../bench/${name}.c`, import.meta.url));
  const program = join(processes.scratch(), name);
  try {
    const { stdout = '' } =
      packages.length > 0 ? await run('pkg-config', ['--cflags', '--libs', ...packages]) : {};
    await run('cc', ['-O2', '-o', program, source, ...stdout.split(/\s+/).filter((word) => word !== '')]);
    return program;
  } catch {
    console.error(`bench: ${name}.c was not built, for it needs ${needs}: ${without}`);
    return undefined;
  }
}
