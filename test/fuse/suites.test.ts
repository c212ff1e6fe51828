import t from 'tap';
import { mounted, needsFuse } from '../fixtures/mounted.js';
import { runSuite } from '../suites/backend.js';
import { configfsSuite } from '../suites/configfs.js';
import { onMount, overFuseNative } from '../suites/on-mount.js';

t.test('a mount behaves as configfs does', needsFuse, async (t) => {
  const fs = onMount(await mounted(t), overFuseNative);
  await runSuite(t, configfsSuite, () => fs);
});
