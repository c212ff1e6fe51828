import t from 'tap';
import { runSuite } from '../suites/backend.js';
import { configfsSuite } from '../suites/configfs.js';
import { inProcess } from '../suites/in-process.js';

await runSuite(t, configfsSuite, () => inProcess());
