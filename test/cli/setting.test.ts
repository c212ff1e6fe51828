import { InvalidArgumentError } from 'commander';
import t from 'tap';
import { parseSetting } from '../../lib/cli/setting.js';

const UNLIMITED = 2n ** 63n - 1n;

const taken: [argument: string, resource: string, barrier: bigint, limit: bigint][] = [
  ['numtasks=30', 'numtasks', 30n, 30n],
  ['numtasks=20:30', 'numtasks', 20n, 30n],
  ['numtasks=0', 'numtasks', 0n, 0n],
  ['numfiles=unlimited', 'numfiles', UNLIMITED, UNLIMITED],
  ['numfiles=7:unlimited', 'numfiles', 7n, UNLIMITED],
  ['numfiles=9223372036854775807', 'numfiles', UNLIMITED, UNLIMITED],
  ['physpages=25600', 'physpages', 25600n, 25600n],
  ['physpages=100M:120M', 'physpages', 25600n, 30720n],
  ['privvmpages=4K:2G', 'privvmpages', 1n, 524288n],
  ['kmemsize=1K:1G', 'kmemsize', 1024n, 1073741824n],
  ['kmemsize=65536', 'kmemsize', 65536n, 65536n],
  ['tenants=3', 'tenants', 3n, 3n],
];

for (const [argument, resource, barrier, limit] of taken) {
  t.test(`--set ${argument}`, (t) => {
    t.strictSame(parseSetting(argument), [{ resource, barrier, limit }]);
    t.end();
  });
}

const notAnAmount = (text: string) =>
  `not a number, K, M or G behind it for bytes, nor unlimited: ${JSON.stringify(text)}`;

const refused: [argument: string, why: string][] = [
  ['', 'it is to be RESOURCE=VALUE or RESOURCE=BARRIER:LIMIT'],
  ['=3', 'it is to be RESOURCE=VALUE or RESOURCE=BARRIER:LIMIT'],
  ['../0/numtasks=3', 'it is to be RESOURCE=VALUE or RESOURCE=BARRIER:LIMIT'],
  ['numtasks=', notAnAmount('')],
  ['numtasks=3:', notAnAmount('')],
  ['numtasks=-1', notAnAmount('-1')],
  ['numtasks=1.5', notAnAmount('1.5')],
  ['numtasks=3\n', notAnAmount('3\n')],
  ['physpages=3k', notAnAmount('3k')],
  ['physpages=3MB', notAnAmount('3MB')],
  ['numtasks=1:2:3', 'two values at the most, BARRIER:LIMIT'],
  ['numtasks=3:2', 'the barrier is above the limit'],
  ['numtasks=3K', 'K is for bytes, and these are items'],
  ['tenants=3G', 'G is for bytes, and these are items'],
  ['physpages=6K', '6K is not a whole number of pages of 4096 bytes'],
  ['numtasks=9223372036854775808', 'above 9223372036854775807, which is unlimited'],
  ['kmemsize=9007199254740992K', 'above 9223372036854775807, which is unlimited'],
];

for (const [argument, why] of refused) {
  t.test(`--set ${JSON.stringify(argument)} is refused`, (t) => {
    t.throws(() => parseSetting(argument), new InvalidArgumentError(`--set ${argument}: ${why}`));
    t.end();
  });
}

t.test('settings add up, and one resource is set once', (t) => {
  const first = parseSetting('numtasks=1');
  t.strictSame(parseSetting('numfiles=2', first), [
    { resource: 'numtasks', barrier: 1n, limit: 1n },
    { resource: 'numfiles', barrier: 2n, limit: 2n },
  ]);
  t.throws(
    () => parseSetting('numtasks=2', first),
    new InvalidArgumentError('--set numtasks=2: numtasks is set twice'),
  );
  t.end();
});
