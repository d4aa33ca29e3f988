import { expect, it } from 'vitest';
import { humanModelName, type ModelNames } from './model-name.ts';

const CASES: [expected: string, path: string, names: ModelNames][] = [
  [
    'SmolLM2 135M Instruct',
    '/models/SmolLM2-135M-Instruct.Q4_1.gguf',
    {
      name: 'Smollm2 135M 8k Lc100K Mix1 Ep2',
      basename: 'smollm2',
      size_label: '135M',
      finetune: '8k-lc100k-mix1-ep2',
    },
  ],
  [
    'smollm2 135M',
    '/models/base.gguf',
    { name: 'Smollm2 8k', basename: 'smollm2', size_label: '135M', finetune: '8k-lc100k' },
  ],
  [
    'Qwen3 30B A3B Instruct 2507',
    'C:\\models\\Qwen3-30B-A3B-Instruct-2507-Q4_K_M-00001-of-00003.gguf',
    { name: 'Qwen3 30B', basename: 'Qwen3', size_label: '30B-A3B', finetune: 'Instruct' },
  ],
  ['gemma 3 270M it', '/blobs/sha256-1f2e', { name: 'Gemma', basename: 'gemma-3', size_label: '270M', finetune: 'it' }],
  ['gpt oss 20b', 'gpt-oss-20b-UD-Q4_K_XL.gguf', { name: 'x', basename: 'gpt-oss', size_label: '20B' }],
  ['Tiny llama', '/models/tiny.gguf', { name: 'Tiny llama' }],
  ['my model', '/models/my_model.IQ4_XS.gguf', { name: null }],
  ['Llama 3.1 8B', '/models/Llama-3.1-8B.F16.gguf', { name: ' ', basename: '' }],
];

it.each(CASES)('%s', (expected, path, names) => {
  expect(humanModelName(names, path)).toBe(expected);
});
