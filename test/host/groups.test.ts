import t from 'tap';
import { needsGroups } from '../fixtures/live-groups.js';
import { runGroupsSuite } from '../suites/groups.js';

t.test('groups of tasks, in the cgroups of this machine', needsGroups, (t) => runGroupsSuite(t));
