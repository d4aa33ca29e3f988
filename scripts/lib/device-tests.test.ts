import { expect, test } from 'vitest';
import { isNewEnough } from './device-tests.mjs';

test.each([
  ['1.3.230', false], // Mesa 22.3, which crashes
  ['1.3.267', false], // 23.3
  ['1.3.274', true], // 24.0
  ['1.4.305', true], // 25.0
  ['2.0', true],
])("software Vulkan by its driver's version: %s", (version, expected) => {
  expect(isNewEnough(version)).toBe(expected);
});
