import { chmod, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import t from 'tap';
import { bash } from '../fixtures/command.js';
import { mounted, needsFuse } from '../fixtures/mounted.js';
import { shell } from '../fixtures/processes.js';
import { program } from '../fixtures/program.js';

/** A file that says who wrote it last. */
const remembers = `
  const callers = [];
  class Guestbook extends Group {
    get attributes() {
      return [{
        name: 'guest',
        mode: 0o666,
        show: () => JSON.stringify(callers.at(-1) ?? null),
        store: (_item, _text, caller) => callers.push(caller),
      }];
    }
  }
  const tree = new Tree(new Guestbook());
`;

t.test('a store is told who writes', needsFuse, async (t) => {
  const {
    mountpoints: [directory],
  } = await program(t, remembers);
  const guest = `${directory}/guest`;
  // Others may come this way.
  await chmod(dirname(directory!), 0o755);
  await writeFile(guest, 'me');
  t.match(JSON.parse(await readFile(guest, 'utf8')), { uid: 0, gid: 0 });
  // The shell that writes is the one whose pid it prints.
  const { code, stdout } = await bash(
    `setpriv --reuid 1234 --regid 2345 --clear-groups bash -c 'echo x > "$0"; echo $$' "${guest}"`,
    { cwd: '/' },
  );
  t.equal(code, 0);
  const written = JSON.parse(await readFile(guest, 'utf8')) as unknown;
  t.strictSame(written, { uid: 1234, gid: 2345, pid: Number(stdout) });
  await chmod(guest, 0o600);
  const refused = await bash(`setpriv --reuid 1234 --clear-groups bash -c 'echo x > "$0"' "${guest}"`, {
    cwd: '/',
  });
  t.match(refused.stderr, /Permission denied/);
  t.strictSame(JSON.parse(await readFile(guest, 'utf8')), written, 'and no store has seen it');
});

t.test('0 written to tasks means the writer', needsFuse, async (t) => {
  const directory = await mounted(t, ['--transport', 'dev-fuse']);
  await mkdir(`${directory}/7`);
  const makeAgain = async () => {
    await rmdir(`${directory}/7`);
    await mkdir(`${directory}/7`);
    return readFile(`${directory}/7/numtasks/limit`, 'utf8');
  };
  const initial = await makeAgain();
  await writeFile(`${directory}/7/numtasks/limit`, '200');
  const writer = await shell(t, `echo 0 > "${directory}/7/tasks" && echo moved`);
  t.match(writer.said, /^moved/);
  t.equal(await makeAgain(), '200\n', 'the beancounter lives with its task');
  await writeFile(`${directory}/0/tasks`, String(writer.pid));
  t.equal(await makeAgain(), initial, 'and not without: it was that one');
  await writer.end();
  await rmdir(`${directory}/7`);
});
