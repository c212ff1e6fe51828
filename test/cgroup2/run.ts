/**
 * Runs test files on a kernel with cgroup v2 and all its controllers, whatever this machine has: in an emulated one.
 *
 *     node dist/test/cgroup2/run.js build            makes the image, .cache/cgroup2/image
 *     node dist/test/cgroup2/run.js boot [FILE]...   makes it if it is older than dist, and runs the files in it
 *     node dist/test/cgroup2/run.js [FILE]...        makes it anew, and runs the files
 *
 * FILE is a path below dist/test; without one, those of `files`. It needs Debian's packages, of which nothing is
 * installed, and neither KVM nor root. In the image there are node, bash, python3 and perl of this machine, the packages
 * that tests and lib import, and busybox for all the rest; FUSE is loaded, and `.tap` is on a disk.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, renameSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Archive } from './archive.js';
import { fetchPackages, Unavailable } from './packages.js';

/** What runs there, below dist/test. */
const files: readonly string[] = [
  'host/groups.test.js',
  'host/live-tasks.test.js',
  'host/live-restart.test.js',
];

const root = fileURLToPath(new URL('../../..', import.meta.url));
const cache = join(root, '.cache/cgroup2');
const packages = join(cache, 'packages');
const image = join(cache, 'image');

/** Seconds that a file may take, and all of it. */
const FILE_TIME = 300;
const TIME = 800;

/** Loaded in this order, if the kernel does not have them built in. */
const modules = ['fs/fuse/fuse.ko', 'drivers/block/loop.ko'];

/** Big packages that no test imports when it runs. */
const unused =
  /\/node_modules\/(?:\.bin|\.cache|@typescript|typescript|tshy|es-toolkit|prettier|@typescript-eslint|typescript-eslint|react-dom|eslint|@eslint|@eslint-community|prismjs|fuse-shared-library-darwin|tar|undici|node-gyp|@sigstore|@tufjs|ajv|esquery|fast-check|@types|type-fest)(?:\/|$)/;
const wantedExtensions = new Set(['', '.js', '.cjs', '.mjs', '.json', '.node', '.so', '.py', '.pyc']);

/** The part of Perl that the interpreter brings. */
const perlBase = '/usr/lib/x86_64-linux-gnu/perl-base';

/** Parts of Python that no test imports. */
const unusedPython =
  /\/(?:test|idlelib|ensurepip|lib2to3|tkinter|distutils|pydoc_data|turtledemo|config-[^/]*)$/;

function build(): void {
  mkdirSync(cache, { recursive: true });
  fetchPackages(packages);
  const archive = new Archive(`${image}.new`);
  for (const path of ['/proc', '/sys', '/dev', '/tmp', '/run', '/root', '/mnt']) archive.directory(path);
  archive.copy(join(packages, 'bin/busybox'), '/bin/busybox');
  for (const [program, path] of [
    [process.execPath, '/usr/bin/node'],
    ['/bin/bash', '/bin/bash'],
    ['/usr/bin/python3', '/usr/bin/python3'],
    ['/usr/bin/perl', '/usr/bin/perl'],
  ] as const) {
    if (existsSync(program)) addProgram(archive, program, path);
  }
  const [python] = readdirSync('/usr/lib').filter((name) => /^python3\.\d+$/.test(name));
  if (python !== undefined) {
    archive.copyTree(`/usr/lib/${python}`, `/usr/lib/${python}`, (path) => !unusedPython.test(path));
    // With the libraries of what hogs import.
    const extensions = `/usr/lib/${python}/lib-dynload`;
    for (const name of readdirSync(extensions))
      if (name.startsWith('_ctypes.')) addProgram(archive, join(extensions, name));
  }
  if (existsSync(perlBase)) archive.copyTree(perlBase, perlBase, () => true);
  const kernelModules = join(packages, 'lib/modules', kernelVersion(), 'kernel');
  for (const path of modules)
    if (existsSync(join(kernelModules, path))) archive.copy(join(kernelModules, path), `/modules/${path}`);
  for (const name of ['bin', 'dist', 'lib', 'test', 'package.json', 'node_modules'])
    addOurs(archive, join(root, name), `/bcfs/${name}`);
  archive.file('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  archive.file('/etc/group', 'root:x:0:\n');
  archive.file('/init', init, 0o755);
  archive.close();
  renameSync(`${image}.new`, image);
  console.log(`# ${image}: ${Math.round(archive.size / 2 ** 20)} MiB`);
}

function addOurs(archive: Archive, from: string, path: string): void {
  const source = realpathSync(from);
  if (source.endsWith('package.json')) return archive.copy(source, path);
  archive.copyTree(
    source,
    path,
    (inner) => !unused.test(inner) && (wantedExtensions.has(extname(inner)) || isDirectoryLike(inner)),
  );
}

/** Packages may have a dot in their name; libfuse has its version behind its extension. */
function isDirectoryLike(path: string): boolean {
  return /\.so\.\d|\/[^/]*\.[^/]*$/.test(path) && !/\.(?:map|ts|cts|mts|md|tsx|txt|ya?ml)$/.test(path);
}

/** A program with the libraries that it is linked with. */
function addProgram(archive: Archive, program: string, path = program): void {
  archive.copy(program, path);
  for (const [library] of execFileSync('ldd', [program], { encoding: 'utf8' }).matchAll(/\/\S+(?= \(0x)/g))
    archive.copy(library);
}

function kernelVersion(): string {
  const [version] = readdirSync(join(packages, 'lib/modules'));
  if (version === undefined) throw new Unavailable('no kernel in its package');
  return version;
}

/** What the kernel starts. It finds the files to run in the kernel's command line, and says what became of each. */
const init = `#!/bin/busybox sh
/bin/busybox mkdir -p /sbin /usr/sbin
/bin/busybox --install -s
export PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C BCFS_EMULATED=1 TAP_TIMEOUT=${FILE_TIME}
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
for module in ${modules.join(' ')}; do [ -e /modules/$module ] && insmod /modules/$module; done
# Pages of files that can be written back, and so be reclaimed. All of the disk is there before anybody pays for it.
dd if=/dev/zero of=/disk bs=1M count=96 2>/dev/null
losetup /dev/loop0 /disk
mke2fs /dev/loop0 >/dev/null
mkdir -p /bcfs/.tap
mount -t ext2 /dev/loop0 /bcfs/.tap
cd /bcfs
uname -sr | sed 's/^/# /'
for word in $(cat /proc/cmdline); do
  case $word in
    bcfs.file=*)
      file=\${word#bcfs.file=}
      echo "@@ begin $file"
      timeout -s KILL ${FILE_TIME} node dist/test/$file </dev/null
      echo "@@ end $file $?"
      ;;
  esac
done
poweroff -f
`;

/** Prints what the machine says. @returns the files that failed, or did not come to their end */
async function boot(chosen: readonly string[]): Promise<string[]> {
  const share = join(packages, 'usr/share');
  const append = ['console=ttyS0', 'quiet', 'panic=-1', ...chosen.map((file) => `bcfs.file=${file}`)];
  const args = ['-accel', 'tcg,thread=multi', '-cpu', 'max', '-machine', 'q35', '-m', '2048', '-smp', '2'];
  args.push('-nodefaults', '-display', 'none', '-serial', 'stdio', '-no-reboot');
  args.push('-L', join(share, 'qemu'), '-L', join(share, 'seabios'), '-initrd', image);
  args.push('-kernel', join(packages, 'boot', `vmlinuz-${kernelVersion()}`), '-append', append.join(' '));
  const libraries = ['usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu'].map((path) => join(packages, path));
  const machine = spawn(join(packages, 'usr/bin/qemu-system-x86_64'), args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') },
    timeout: TIME * 1000,
    killSignal: 'SIGKILL',
  });
  const left = new Set(chosen);
  for await (const line of createInterface(machine.stdout)) {
    const [, file, code] = /^@@ end (\S+) (\d+)\r?$/.exec(line) ?? [];
    if (file !== undefined && code === '0') left.delete(file);
    if (/^\s*(?:not )?ok |^\s*#|^@@|^\s+(?:---|\.\.\.|[a-z]+:|[-+|>])|rror|panic/.test(line))
      console.log(line.trimEnd());
  }
  return [...left];
}

/** Whether the image has what was built last. */
function isFresh(): boolean {
  return existsSync(image) && statSync(image).mtimeMs > statSync(fileURLToPath(import.meta.url)).mtimeMs;
}

async function main([verb, ...rest]: readonly string[]): Promise<number> {
  if (verb === 'build') {
    build();
    return 0;
  }
  if (verb !== 'boot' || !isFresh()) build();
  const given = verb === 'boot' || verb === undefined ? rest : [verb, ...rest];
  const chosen = given.length > 0 ? given : files.filter((file) => existsSync(join(root, 'dist/test', file)));
  const start = Date.now();
  const failed = await boot(chosen);
  for (const file of chosen) console.log(`${failed.includes(file) ? 'not ok' : 'ok'} - ${file} on cgroup v2`);
  console.log(`# ${Math.round((Date.now() - start) / 1000)} seconds`);
  return failed.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.log(`ok - on cgroup v2 # SKIP ${error.message.replaceAll('\n', ' ')}`);
}
