import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isLoadable, liveModel } from './live-model.ts';

const dir = mkdtempSync(join(tmpdir(), 'forja-live-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A GGUF file that says what kind of adapter it is, and no more. */
function adapterFile(type: string, architecture = 'llama', tensor = 'blk.0.attn_q.weight.lora_a'): string {
  const long = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    return bytes;
  };
  const int = (value: number) => long(value).subarray(0, 4);
  const text = (value: string) => Buffer.concat([long(value.length), Buffer.from(value)]);
  const path = join(dir, `${type}-${architecture}-${tensor}.gguf`);
  const values = [text('adapter.type'), int(8), text(type), text('general.architecture'), int(8), text(architecture)];
  const tensors = [text(tensor), int(2), long(8), long(4), int(0), long(0)];
  const header = [Buffer.from('GGUF'), int(3), long(1), long(2), ...values, ...tensors];
  writeFileSync(path, Buffer.concat(header));
  return path;
}

test('an adapter of a method that llama.cpp does not have is not loaded beside its base', () => {
  expect(isLoadable(adapterFile('forja-dora'))).toBe(false);
  expect(isLoadable(adapterFile('lora'))).toBe(true);
});

test('an adapter that llama.cpp would stop over is not loaded beside its base, whoever made it', () => {
  const at = (architecture: string, tensor: string) =>
    isLoadable(adapterFile('lora', architecture, `blk.0.${tensor}.weight.lora_a`));
  expect(at('glm4', 'attn_output')).toBe(false);
  expect(at('glm4moe', 'ffn_down_shexp')).toBe(false);
  expect(at('jais2', 'ffn_down')).toBe(false);
  expect(at('glm4', 'attn_q')).toBe(true);
  expect(at('llama', 'ffn_down')).toBe(true);
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
