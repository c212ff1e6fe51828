import { chmod, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
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
  const held = () => readFile(`${directory}/7/numtasks/held`, 'utf8');
  t.equal(await held(), '0\n');
  const writer = await shell(t, `echo 0 > "${directory}/7/tasks"`);
  t.equal(await held(), '1\n');
  await writeFile(`${directory}/0/tasks`, String(writer.pid));
  t.equal(await held(), '0\n', 'it was that one');
  await writer.end();
  await rmdir(`${directory}/7`);
});
