import { expect, it } from 'vitest';
import { modelLine, modelOf } from './run-model.ts';

const run = { model_name: null, architecture: null, model_path: '/models/Tiny.Q8_0.gguf', base_type: null };

it('calls a model by its name, else by its architecture, else by its file', () => {
  expect(modelOf({ ...run, model_name: 'Tiny', architecture: 'llama' })).toBe('Tiny');
  expect(modelOf({ ...run, architecture: 'llama' })).toBe('llama');
  expect(modelOf(run)).toBe('Tiny.Q8_0');
  expect(modelOf({ ...run, model_path: 'C:\\models\\Tiny.GGUF' })).toBe('Tiny');
});

it('adds the type of the weights once it is known', () => {
  expect(modelLine(run)).toBe('Tiny.Q8_0');
  expect(modelLine({ ...run, base_type: 'q8_0' })).toBe('Tiny.Q8_0 · Q8_0');
});
