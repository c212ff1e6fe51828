/** A kernel, an emulator and a shell, out of Debian's packages: unpacked in a directory, not installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** That the packages cannot be had, in words. */
export class Unavailable extends Error {}

/** Unpacks them into a directory, unless they are there. @throws Unavailable */
export function fetchPackages(directory: string): void {
  if (existsSync(directory)) return;
  const debs = `${directory}.debs`;
  const unpacked = `${directory}.new`;
  for (const path of [debs, unpacked]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  const names = [...missingPackages('qemu-system-x86'), currentKernel(), 'busybox-static'];
  run('apt-get', ['download', '-q', ...names], debs);
  for (const name of readdirSync(debs)) run('dpkg', ['-x', join(debs, name), unpacked]);
  rmSync(debs, { recursive: true });
  renameSync(unpacked, directory);
}

/** A package with what it needs and this machine does not have. */
function missingPackages(name: string): string[] {
  const plan = run('apt-get', ['install', '--simulate', '--no-install-recommends', name]);
  const missing = [...plan.matchAll(/^Inst (\S+)/gm)].map(([, found = '']) => found);
  return missing.includes(name) ? missing : [name, ...missing];
}

/** The package of the kernel itself. */
function currentKernel(): string {
  const [, name] =
    /Depends: (linux-image-\S+)/.exec(run('apt-cache', ['depends', 'linux-image-cloud-amd64'])) ?? [];
  if (name === undefined) throw new Unavailable('no linux-image-cloud-amd64');
  return name;
}

function run(file: string, args: readonly string[], cwd?: string): string {
  try {
    return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Unavailable(`${file} ${args.slice(0, 2).join(' ')}: ${(error as Error).message.trim()}`);
  }
}
