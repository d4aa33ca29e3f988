import { expect, it } from 'vitest';
import { keepArchitectures } from './fatbin.ts';

const PTX = 1;
const CODE = 2;

/** A container as nvcc makes it. Each payload's bytes are its architecture's number. */
function container(entries: [kind: number, architecture: number, bytes: number][]): Buffer {
  const parts = entries.map(([kind, architecture, bytes]) => {
    const header = Buffer.alloc(64);
    header.writeUInt16LE(kind, 0);
    header.writeUInt32LE(64, 4);
    header.writeBigUInt64LE(BigInt(bytes), 8);
    header.writeUInt32LE(architecture, 28);
    return Buffer.concat([header, Buffer.alloc(bytes, architecture)]);
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(16);
  head.writeUInt32LE(0xba55ed50, 0);
  head.writeUInt16LE(1, 4);
  head.writeUInt16LE(16, 6);
  head.writeBigUInt64LE(BigInt(body.length), 8);
  return Buffer.concat([head, body]);
}

const library = () =>
  Buffer.concat([
    Buffer.from('\x7fELF and other code'),
    container([
      [PTX, 75, 8],
      [PTX, 80, 16],
      [CODE, 89, 24],
    ]),
    Buffer.alloc(5, 1),
    container([
      [PTX, 90, 32],
      [CODE, 89, 40],
      [PTX, 80, 8],
    ]),
  ]);

/** How many bytes of each architecture's payload are left. */
const left = (bytes: Buffer) =>
  Object.fromEntries([75, 80, 89, 90].map((one) => [one, bytes.filter((byte) => byte === one).length]));

it('keeps what the cards take: machine code where there is any, else the newest PTX that is old enough', () => {
  const bytes = library();
  const before = left(bytes);
  expect(keepArchitectures(bytes, [86, 89])).toEqual([
    { architecture: 80, form: 'ptx', bytes: 24 },
    { architecture: 89, form: 'machine code', bytes: 64 },
  ]);
  // Headers hold each number once an entry.
  expect(left(bytes)).toEqual({ ...before, 75: before[75]! - 8, 90: before[90]! - 32 });
  expect(bytes.length).toBe(library().length);
});

it('takes the PTX of the very architecture before an older one', () => {
  expect(keepArchitectures(library(), [90])).toEqual([{ architecture: 90, form: 'ptx', bytes: 32 }]);
});

it('refuses a card that would be left without code, and a library without any', () => {
  expect(() => keepArchitectures(library(), [70])).toThrow('sm_70');
  expect(() => keepArchitectures(Buffer.from('no code at all'), [90])).toThrow('no GPU code');
});
