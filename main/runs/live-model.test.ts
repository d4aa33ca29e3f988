import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isLoadable, liveModel } from './live-model.ts';

const dir = mkdtempSync(join(tmpdir(), 'forja-live-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A GGUF file that says what kind of adapter it is, and no more. */
function adapterFile(type: string): string {
  const long = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const int = (value: number) => long(value).subarray(0, 4);
  const text = (value: string) => Buffer.concat([long(value.length), Buffer.from(value)]);
  const path = join(dir, `${type}.gguf`);
  const header = [Buffer.from('GGUF'), int(3), long(0), long(1), text('adapter.type'), int(8), text(type)];
  writeFileSync(path, Buffer.concat(header));
  return path;
}

test('an adapter of a method that llama.cpp does not have is not loaded beside its base', () => {
  expect(isLoadable(adapterFile('forja-dora'))).toBe(false);
  expect(isLoadable(adapterFile('lora'))).toBe(true);
});

test('what is no adapter is left to llama.cpp to refuse', () => {
  const path = join(dir, 'notes.txt');
  writeFileSync(path, 'no model');
  expect(isLoadable(path)).toBe(true);
  expect(isLoadable(join(dir, 'missing.gguf'))).toBe(true);
});

test('a LoRA is loaded as it is, and nothing is written for it', async () => {
  const adapter_path = adapterFile('lora');
  const live = await liveModel('/models/base.gguf', adapter_path);
  expect(live).toMatchObject({ model_path: '/models/base.gguf', adapter_path });
});
