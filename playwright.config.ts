import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'e2e/app',
  testMatch: '*.spec.ts',
  // One window at a time: two would share the trainer's cores.
  workers: 1,
  timeout: 240_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  outputDir: 'out/e2e',
  use: { trace: 'off' },
});
