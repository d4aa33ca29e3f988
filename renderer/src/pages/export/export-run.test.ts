import { describe, expect, it } from 'vitest';
import { suggestedName } from './export-run.ts';

describe('suggestedName', () => {
  it('names the run, and what the file is', () => {
    expect(suggestedName('Bakery orders', 'gguf', 'q8_0')).toBe('Bakery-orders-Q8_0.gguf');
    expect(suggestedName('Bakery orders', 'ollama', 'same')).toBe('Bakery-orders.gguf');
    expect(suggestedName('Bakery orders', 'gguf', 'auto')).toBe('Bakery-orders.gguf');
    expect(suggestedName('Bakery', 'gguf-adapter', 'same')).toBe('Bakery-adapter.gguf');
    expect(suggestedName('Bakery', 'peft', 'same')).toBe('Bakery-peft');
  });
});
