import { describe, expect, it } from 'vitest';
import { standardType, suggestedName } from './export-run.ts';

describe('suggestedName', () => {
  it('names the run, and what the file is', () => {
    expect(suggestedName('Bakery orders', 'gguf', 'q8_0')).toBe('Bakery-orders-Q8_0.gguf');
    expect(suggestedName('Bakery orders', 'ollama', 'same')).toBe('Bakery-orders.gguf');
    expect(suggestedName('Bakery', 'gguf-adapter', 'same')).toBe('Bakery-adapter.gguf');
    expect(suggestedName('Bakery', 'peft', 'same')).toBe('Bakery-peft');
  });
});

describe('standardType', () => {
  it('keeps fine types, and takes Q8_0 where the base’s own would lose what was learned', () => {
    expect(standardType('bf16')).toBe('same');
    expect(standardType('Q8_0')).toBe('same');
    expect(standardType('q4_k_m')).toBe('q8_0');
    expect(standardType(null)).toBe('same');
  });
});
