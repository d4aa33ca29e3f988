import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { ensureSampleModel } from '../main/models/index.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder with tiny random models and with spoilt files, see native/tests/fixtures. */
    fixtures: string;
    /** A real small model. */
    sampleModel: string;
  }
}

const FIXTURES_TOOL = join(import.meta.dirname, '../native/build/tests/forja-fixtures');

/** Makes the models that the tests share. */
export default async function setup(project: TestProject): Promise<() => void> {
  const tool = process.env.FORJA_FIXTURES ?? FIXTURES_TOOL;
  if (!existsSync(tool))
    throw new Error(`${tool} is missing: run these tests with \`npm test -- e2e\`, which builds it.`);
  const fixtures = mkdtempSync(join(tmpdir(), 'forja-fixtures-'));
  execFileSync(tool, [fixtures, '--variant', 'llama', '--type', 'f32']);
  execFileSync(tool, [fixtures, '--variant', 'qwen3', '--type', 'q8_0', '--wide']);
  execFileSync(tool, [fixtures, '--bad', 'all']);
  project.provide('fixtures', fixtures);
  project.provide('sampleModel', await ensureSampleModel((text) => process.stderr.write(`▸ ${text}\n`)));
  return () => rmSync(fixtures, { recursive: true });
}
