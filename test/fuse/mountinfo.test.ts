import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { mountAt, readMounts } from '../../lib/fuse/mountinfo.js';

/** Lines as Linux writes them, and what they mean. */
const lines: [line: string, id: number, mountpoint: string, type: string, device: string][] = [
  ['27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard', 27, '/', 'ext4', '254:0'],
  ['42 27 0:39 / /bc rw,nosuid,nodev,relatime - fuse.bcfs bcfs rw,user_id=0', 42, '/bc', 'fuse.bcfs', '0:39'],
  [
    '43 27 0:40 / /a rw shared:2 master:1 propagate_from:2 unbindable - tmpfs none rw',
    43,
    '/a',
    'tmpfs',
    '0:40',
  ],
  [
    '44 27 0:41 / /with\\040space\\011tab\\012line\\134slash rw - tmpfs none rw',
    44,
    '/with space\ttab\nline\\slash',
    'tmpfs',
    '0:41',
  ],
  ['45 27 0:42 / /a\\134040b rw - tmpfs none rw', 45, '/a\\040b', 'tmpfs', '0:42'],
  ['46 27 0:43 / /ünï-中文 rw - tmpfs - rw', 46, '/ünï-中文', 'tmpfs', '0:43'],
  ['47 27 0:44 / /- rw - fuse.bcfs bcfs rw', 47, '/-', 'fuse.bcfs', '0:44'],
];

t.test('each line of mountinfo is a mount', async (t) => {
  const path = `${t.testdir()}/mountinfo`;
  await writeFile(path, lines.map(([line]) => `${line}\n`).join(''));
  t.strictSame(
    readMounts(path),
    lines.map(([, id, mountpoint, type, device]) => ({ id, device, mountpoint, type })),
  );
});

t.test('of two mounts on one mountpoint the later one is seen', (t) => {
  const mounts = [
    { id: 50, device: '0:50', mountpoint: '/a', type: 'tmpfs' },
    { id: 49, device: '0:49', mountpoint: '/a', type: 'fuse.bcfs' },
    { id: 51, device: '0:51', mountpoint: '/a/b', type: 'tmpfs' },
  ];
  t.equal(mountAt('/a', mounts)?.id, 49);
  t.equal(mountAt('/a/b', mounts)?.id, 51);
  t.equal(mountAt('/', mounts), undefined);
  t.end();
});

t.test('this process has mounts, /proc among them', (t) => {
  t.equal(mountAt('/proc')?.type, 'proc');
  t.end();
});
