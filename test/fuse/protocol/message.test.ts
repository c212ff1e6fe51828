import t from 'tap';
import * as layouts from '../../../lib/fuse/protocol/layout.js';
import { Message } from '../../../lib/fuse/protocol/message.js';

/** sizeof in C, of Linux include/uapi/linux/fuse.h. */
const sizes: Readonly<Record<keyof typeof layouts, number>> = {
  inHeader: 40,
  outHeader: 16,
  // Up to `flags`, which every version has.
  initIn: 16,
  initOut: 64,
  attrOut: 104,
  entryOut: 128,
  setattrIn: 88,
  openIn: 8,
  openOut: 16,
  readIn: 40,
  writeIn: 40,
  writeOut: 8,
  releaseIn: 24,
  mkdirIn: 8,
  mknodIn: 16,
  createIn: 16,
  linkIn: 8,
  forgetIn: 8,
  batchForgetIn: 8,
  forgetOne: 16,
  getxattrIn: 8,
  getxattrOut: 8,
  statfsOut: 80,
  dirent: 24,
  invalInodeOut: 24,
};

t.test('each layout is as long as the structure of the kernel, and its fields follow each other', (t) => {
  for (const [name, { size, fields }] of Object.entries(layouts) as [
    keyof typeof layouts,
    layouts.Layout,
  ][]) {
    t.equal(size, sizes[name], name);
    let end = 0;
    for (const [field, { offset, width }] of Object.entries(fields)) {
      t.equal(offset, end, `${name}.${field}`);
      t.equal(offset % width, 0, `${name}.${field} is aligned`);
      end += width;
    }
    t.equal(end, size);
  }
  t.strictSame(Object.keys(layouts).sort(), Object.keys(sizes).sort());
  t.end();
});

t.test('a field is little-endian, of 2, 4 or 8 bytes', (t) => {
  const message = new Message(16);
  message.set({ offset: 1, width: 2 }, 1, 0x1234);
  message.set({ offset: 4, width: 4 }, 0, 0x89abcdef);
  message.set({ offset: 0, width: 8 }, 8, 0x1f_ffff_89ab_cdef);
  t.equal(message.bytes.toString('hex'), '00003412' + 'efcdab89' + 'efcdab89ffff1f00');
  t.equal(message.get({ offset: 1, width: 2 }, 1), 0x1234);
  t.equal(message.get({ offset: 4, width: 4 }), 0x89abcdef);
  t.equal(message.get({ offset: 0, width: 8 }, 8), 0x1f_ffff_89ab_cdef);
  t.end();
});

t.test('8 bytes can be a number below zero', (t) => {
  const message = new Message(8);
  const field = { offset: 0, width: 8 } as const;
  for (const [value, hex] of [
    [-1, 'ffffffffffffffff'],
    [-315_619_200, '800830edffffffff'],
    [-(2 ** 32), '00000000ffffffff'],
    [315_532_800, '00a6ce1200000000'],
  ] as const) {
    message.set(field, 0, value);
    t.equal(message.bytes.toString('hex'), hex);
    t.equal(message.getSigned(field), value);
  }
  t.end();
});

t.test('what is appended is zeros, whatever was there', (t) => {
  const message = new Message(200);
  message.bytes.fill(0xff);
  message.end = 8;
  t.equal(message.append(layouts.outHeader), 8);
  t.equal(message.append(layouts.openOut), 24);
  t.equal(message.end, 40);
  t.equal(message.bytes.toString('hex', 0, 48), 'ff'.repeat(8) + '00'.repeat(32) + 'ff'.repeat(8));
  t.end();
});

t.test('a structure is there when its last byte is', (t) => {
  const message = new Message(100);
  message.end = 41;
  t.equal(message.holds(layouts.inHeader, 0), true);
  t.equal(message.holds(layouts.inHeader, 1), true);
  t.equal(message.holds(layouts.inHeader, 2), false);
  t.end();
});
