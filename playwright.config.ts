import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'e2e/app',
  testMatch: '*.spec.ts',
  // One window at a time: two would share the trainer's cores.
  workers: 1,
  // Bounds on hangs, not on speed: a busy machine is ten times slower than a quiet one.
  // Training the sample to the end takes from four to ten minutes: `FORJA_SLOW=1 npm test -- app` runs that one too.
  testIgnore: process.env['FORJA_SLOW'] === '1' ? [] : ['**/first-success.spec.ts'],
  timeout: 480_000,
  expect: { timeout: 60_000 },
  reporter: [['list']],
  outputDir: 'out/e2e',
  use: { trace: 'off' },
});
