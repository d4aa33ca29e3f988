import { describe, expect, inject, test } from 'vitest';
import { expectRefusal, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();

test('a real model', async () => {
  const { code, last, events } = await place.forja('inspect', inject('sampleModel'), '--json');
  expect(code).toBe(0);
  expect(events('hello')).toHaveLength(1);
  expect(last).toMatchObject({
    type: 'summary',
    ok: true,
    architecture: 'llama',
    base_type: 'q4_1',
    n_layer: 30,
    n_embd: 576,
    n_params: 134_515_008,
    trainable: true,
    reason: null,
  });
  expect(last.chat_template).toContain('<|im_start|>');
});

test('for people', async () => {
  const { code, stdout } = await place.forja('inspect', fixture('llama-f32.gguf'));
  expect(code).toBe(0);
  expect(stdout).toMatch(/architecture +llama/);
  expect(stdout).toMatch(/trainable +yes/);
});

describe('files that are no whole model', () => {
  test.each([
    ['bad-truncated.gguf', 'gguf_truncated', /ends too early/],
    ['bad-header-truncated.gguf', 'gguf_truncated', /ends too early/],
    ['bad-wrong-magic.gguf', 'gguf_bad_magic', /is not a GGUF file/],
    ['bad-empty.gguf', 'gguf_bad_magic', /is empty/],
    ['bad-bad-version.gguf', 'gguf_bad_version', /version/],
    ['nowhere.gguf', 'file_not_found', /nowhere\.gguf/],
  ])('%s', async (name, error_code, message) => {
    expectRefusal(await place.forja('inspect', fixture(name), '--json'), error_code, message);
  });
});

test.each([
  ['bad-unsupported-arch.gguf', 'architecture_unsupported', /mamba/],
  ['bad-missing-tensor.gguf', 'tensor_missing', /blk\.1\.ffn_down\.weight/],
])('%s is shown, and why it can not be trained', async (name, reason_code, reason) => {
  const { code, last } = await place.forja('inspect', fixture(name), '--json');
  expect(code).toBe(0);
  expect(last).toMatchObject({ trainable: false, reason_code, reason: expect.stringMatching(reason) as string });
});
