import { expect, test } from 'vitest';
import golden from './golden-records.json' with { type: 'json' };
import { crc32c, fileVersion, scalars, sessionStart } from './tfevents.ts';

test('the checksum is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
});

// Golden bytes: `npm run check:trackers` has TensorBoard's own reader and writer agree with them.
test('records are TensorBoard’s, to the byte', () => {
  const time_ms = 1_767_225_600_500;
  expect(fileVersion(time_ms).toString('hex')).toBe(golden.version);
  expect(sessionStart(0, time_ms).toString('hex')).toBe(golden.session);
  const values = [
    ['train/loss', 1.25],
    ['train/learning_rate', 2e-4],
  ] as const;
  expect(scalars(300, time_ms, values).toString('hex')).toBe(golden.scalars);
});
