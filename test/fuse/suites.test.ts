import t from 'tap';
import { mounted, needsFuse } from '../fixtures/mounted.js';
import { runSuite } from '../suites/backend.js';
import { configfsSuite } from '../suites/configfs.js';
import { onMount, overDevFuse, overFuseNative } from '../suites/on-mount.js';
import { v6Suite } from '../suites/v6.js';

for (const [transport, answers] of [
  ['fuse-native', overFuseNative],
  ['dev-fuse', overDevFuse],
] as const) {
  t.test(`a mount over ${transport} behaves as configfs does`, needsFuse, async (t) => {
    const fs = onMount(await mounted(t, ['--transport', transport]), answers);
    await runSuite(t, configfsSuite, () => fs);
  });

  for (const [dialect, args] of [
    ['people', []],
    ['strict', ['-o', 'strict']],
  ] as const) {
    // The dialect is no matter of the transport.
    if (dialect === 'strict' && transport === 'fuse-native') continue;
    t.test(
      `the tree on a mount over ${transport} is v6's, in the dialect ${dialect}`,
      needsFuse,
      async (t) => {
        const fs = onMount(await mounted(t, ['--transport', transport, ...args]), answers);
        await runSuite(t, v6Suite(dialect), () => fs);
      },
    );
  }
}
