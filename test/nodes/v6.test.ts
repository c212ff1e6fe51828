import t from 'tap';
import { runSuite } from '../suites/backend.js';
import { inProcess } from '../suites/in-process.js';
import { v6Suite } from '../suites/v6.js';

for (const dialect of ['people', 'strict'] as const) {
  t.test(`the tree is v6's, in the dialect ${dialect}`, (t) =>
    runSuite(t, v6Suite(dialect), () => inProcess(dialect)),
  );
}
