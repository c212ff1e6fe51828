/**
 * Anything at all asked of a mount, through the kernel: each answer is one that configfs would give, and the daemon
 * serves what comes next. BCFS_SOAK=1 for more of it.
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rmdir, stat, unlink } from 'node:fs/promises';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { daemonOf, mounted, needsFuse } from '../fixtures/mounted.js';
import { CASES, isSoak } from '../fixtures/soak.js';

t.setTimeout(isSoak ? 3_600_000 : 240_000);

const { O_RDONLY, O_RDWR, O_WRONLY } = constants;
const PAGE = 4096;

/** The code that something is refused with; undefined if it is not. */
async function refusal(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

/** Mounts a bcfs with beancounter 7, and tries `property` on it; looks whether the daemon serves, and is the same. */
async function always<T>(
  t: Test,
  cases: fc.Arbitrary<T>,
  property: (mountpoint: string, value: T) => Promise<void>,
): Promise<void> {
  const mountpoint = await mounted(t, ['--transport', 'dev-fuse']);
  const daemon = daemonOf(mountpoint);
  await mkdir(`${mountpoint}/7`);
  await fc.assert(
    fc.asyncProperty(cases, async (value) => {
      await property(mountpoint, value);
      await stat(`${mountpoint}/7/id`);
    }),
    { numRuns: CASES },
  );
  t.equal(await readFile(`${mountpoint}/7/id`, 'utf8'), '7\n');
  t.equal(daemonOf(mountpoint), daemon);
}

/** A name of any bytes that can be one: no slash, no NUL, not a dot or two. */
const byte = fc.integer({ min: 1, max: 255 }).filter((value) => value !== 0x2f);
const lengths = [
  { minLength: 1, maxLength: 12 },
  { minLength: 84, maxLength: 87 },
  { minLength: 250, maxLength: 260 },
];
const name = fc
  .oneof(
    ...lengths.map((length) => fc.array(byte, length).map((bytes) => Buffer.from(bytes))),
    ...lengths.map((length) =>
      fc.array(fc.constantFrom(0x61, 0x39), length).map((bytes) => Buffer.from(bytes)),
    ),
    fc.nat(20).map((id) => Buffer.from(String(id))),
    fc
      .constantFrom('description', '2147483647', '2147483648', '-1', '007', ' 7', '7\n')
      .map((text) => Buffer.from(text)),
  )
  .filter((bytes) => !['.', '..'].includes(bytes.toString()));

/** Whether the bytes are the name of a beancounter. */
function isId(bytes: Buffer): boolean {
  return /^(0|[1-9][0-9]{0,9})$/.test(bytes.toString('latin1')) && Number(bytes.toString()) < 2 ** 31;
}

/** What a name that is not there is answered with. Each byte that is not UTF-8 comes as a character of three. */
function isAbsent(bytes: Buffer, code: string | undefined, refused: string): boolean {
  if (bytes.length > 255) return code === 'ENAMETOOLONG';
  if (Buffer.byteLength(bytes.toString()) > 255) return code === 'ENAMETOOLONG' || code === refused;
  return code === refused;
}

t.test('names of any bytes', needsFuse, async (t) => {
  const there = new Set(['0', '7']);
  await always(t, fc.tuple(name, fc.nat(3)), async (mountpoint, [bytes, what]) => {
    const path = Buffer.concat([Buffer.from(`${mountpoint}/`), bytes]);
    const text = bytes.toString('latin1');
    const is = (isSo: boolean, code: string | undefined) => {
      if (!isSo)
        throw new Error(`${['mkdir', 'rmdir', 'stat', 'unlink'][what]} ${bytes.toString('hex')}: ${code}`);
    };
    if (what === 0) {
      const code = await refusal(mkdir(path));
      if (there.has(text) || text === 'description') is(code === 'EEXIST', code);
      else if (isId(bytes)) is(code === undefined, code);
      else is(isAbsent(bytes, code, 'EINVAL'), code);
      if (code === undefined) there.add(text);
    } else if (what === 1 && text !== '7') {
      const code = await refusal(rmdir(path));
      if (text === '0') is(code === 'EPERM', code);
      else if (text === 'description') is(code === 'ENOTDIR', code);
      else if (there.has(text)) is(code === undefined, code);
      else is(isAbsent(bytes, code, 'ENOENT'), code);
      if (code === undefined) there.delete(text);
    } else if (what === 2) {
      const code = await refusal(stat(path));
      if (there.has(text) || text === 'description') is(code === undefined, code);
      else is(isAbsent(bytes, code, 'ENOENT'), code);
    } else {
      const code = await refusal(unlink(path));
      if (there.has(text)) is(code === 'EISDIR', code);
      else if (text === 'description') is(code === 'EPERM', code);
      else is(isAbsent(bytes, code, 'ENOENT'), code);
    }
    const listed = await readdir(mountpoint);
    if (listed.sort().join() !== [...there, 'description'].sort().join()) throw new Error(listed.join());
  });
});

const offset = fc.oneof(fc.nat(10), fc.nat(2 * PAGE), fc.constantFrom(2 ** 31 - 1, 2 ** 32, 2 ** 40));
const size = fc.oneof(fc.nat(10), fc.nat(2 * PAGE), fc.constantFrom(131_072, 131_073, 300_000));

t.test('reads of any size from anywhere', needsFuse, async (t) => {
  await always(t, fc.array(fc.tuple(offset, size), { maxLength: 4 }), async (mountpoint, reads) => {
    const file = await open(`${mountpoint}/description`, O_RDONLY);
    try {
      const whole = 'Beancounters controll resource usage of task groups\n';
      for (const [position, length] of reads) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
        const text = buffer.toString('utf8', 0, bytesRead);
        if (text !== whole.slice(position, position + length))
          throw new Error(`${length} from ${position}: ${text}`);
      }
    } finally {
      await file.close();
    }
  });
});

const written = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.bigInt(0n, 2n ** 64n + 10n).map((value) => Buffer.from(`${value}\n`)),
  // Nothing but zeros, and so a number, of a page and about.
  fc.integer({ min: PAGE - 3, max: PAGE + 3 }).map((length) => Buffer.alloc(length, '0')),
  fc.constantFrom(131_072, 200_000).map((length) => Buffer.alloc(length, '0')),
);

t.test('writes of anything to anywhere', needsFuse, async (t) => {
  const flags = fc.constantFrom(
    O_WRONLY,
    O_RDWR,
    O_WRONLY | constants.O_APPEND,
    O_WRONLY | constants.O_TRUNC,
  );
  await always(t, fc.tuple(written, offset, flags), async (mountpoint, [bytes, position, flags]) => {
    const path = `${mountpoint}/7/numtasks/limit`;
    const before = await readFile(path, 'utf8');
    const file = await open(path, flags);
    let count: number | undefined;
    let code: string | undefined;
    try {
      ({ bytesWritten: count } = await file.write(bytes, 0, bytes.length, position));
    } catch (error) {
      ({ code } = error as NodeJS.ErrnoException);
    } finally {
      await file.close();
    }
    const after = await readFile(path, 'utf8');
    const hex = Buffer.from(bytes.subarray(0, 50)).toString('hex');
    if (!/^[0-9]{1,20}\n$/.test(after)) throw new Error(`${hex} makes ${after}`);
    if (code !== undefined && code !== 'EINVAL') throw new Error(`${hex}: ${code}`);
    if (count !== undefined && count !== Math.min(bytes.length, PAGE - 1))
      throw new Error(`${hex}: ${count} bytes`);
    // The kernel does not pass a write of nothing on.
    if ((code !== undefined || count === 0) && after !== before)
      throw new Error(`${hex} was refused, and changed it`);
    const number = /^(0|[1-9][0-9]*)\n$/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
    // A limit below the barrier is refused.
    if (code === undefined && number !== undefined && BigInt(number) < 2n ** 63n && after !== `${number}\n`)
      throw new Error(`${number} is not what is read: ${after}`);
  });
});
