import t from 'tap';
import { bcfs, run, type Outcome } from '../fixtures/command.js';
import { socketDirectory, socketOf } from '../fixtures/control.js';
import { mounted, needsFuse } from '../fixtures/mounted.js';

const failed = (code: number, message: string): Outcome => ({
  code,
  stdout: '',
  stderr: `bcfs: ${message}\n`,
});

for (const args of [['status'], ['ps'], ['which', '7'], ['events'], ['umount', '--drop']]) {
  t.test(
    `${args.join(' ')} says where there is no mount, and where no daemon answers`,
    needsFuse,
    async (t) => {
      const directory = await socketDirectory(t);
      const options = { env: { BCFS_RUNTIME_DIRECTORY: directory } };
      t.strictSame(
        await run(bcfs, [...args, directory], options),
        failed(17, `${directory}: no bcfs is mounted there; see: findmnt -t fuse.bcfs`),
      );
      t.strictSame(
        await run(bcfs, [...args, `${directory}/new`], options),
        failed(10, `${directory}/new: no such mountpoint; a new one: mkdir -p ${directory}/new`),
      );
      const mountpoint = await mounted(t);
      t.strictSame(
        await run(bcfs, [...args, mountpoint], options),
        failed(
          16,
          `${socketOf(directory, mountpoint)}: no daemon answers; it was killed, or has no control socket`,
        ),
      );
    },
  );
}
