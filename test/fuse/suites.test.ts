import t from 'tap';
import { mounted, needsFuse } from '../fixtures/mounted.js';
import { runSuite } from '../suites/backend.js';
import { configfsSuite } from '../suites/configfs.js';
import { onMount, overFuseNative } from '../suites/on-mount.js';
import { v6Suite } from '../suites/v6.js';

t.test('a mount behaves as configfs does', needsFuse, async (t) => {
  const fs = onMount(await mounted(t), overFuseNative);
  await runSuite(t, configfsSuite, () => fs);
});

for (const [dialect, args] of [
  ['people', []],
  ['strict', ['-o', 'strict']],
] as const) {
  t.test(`the tree on a mount is v6's, in the dialect ${dialect}`, needsFuse, async (t) => {
    const fs = onMount(await mounted(t, args), overFuseNative);
    await runSuite(t, v6Suite(dialect), () => fs);
  });
}
