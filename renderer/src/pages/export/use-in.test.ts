import { expect, it } from 'vitest';
import { quotedFor, stepsFor } from './use-in.ts';

const merged = {
  format: 'gguf',
  output_path: '/out/my orders.gguf',
  model_path: '/models/base.gguf',
  modelfile_path: null,
  system_prompt: 'It’s an order: write JSON.',
} as const;

it('gives Ollama the Modelfile that was written, or what to write into one', () => {
  const written = { ...merged, format: 'ollama', modelfile_path: '/out/my orders.Modelfile' } as const;
  expect(stepsFor('ollama', written, false).map(({ code }) => code)).toEqual([
    `ollama create 'my orders' -f '/out/my orders.Modelfile'`,
    `ollama run 'my orders'`,
  ]);
  expect(stepsFor('ollama', merged, false)[0]!.code).toBe(
    'FROM ./my orders.gguf\nSYSTEM """It’s an order: write JSON."""',
  );
  const adapter = { ...merged, format: 'gguf-adapter', output_path: '/out/a.gguf' } as const;
  expect(stepsFor('ollama', adapter, false)[0]!.code).toContain('FROM /models/base.gguf\nADAPTER ./a.gguf');
});

it('gives llama.cpp the model, the adapter and the system prompt', () => {
  expect(stepsFor('llamacpp', { ...merged, system_prompt: "Don't." }, false)[0]!.code).toBe(
    `llama-cli -m '/out/my orders.gguf' --jinja --temp 0 -sys 'Don'\\''t.'`,
  );
  const adapter = { ...merged, format: 'gguf-adapter', output_path: '/out/a.gguf', system_prompt: null } as const;
  expect(stepsFor('llamacpp', adapter, false)[0]!.code).toBe(
    'llama-cli -m /models/base.gguf --lora /out/a.gguf --jinja --temp 0',
  );
});

it('says where an adapter can’t be used, and names the system prompt to set by hand', () => {
  const adapter = { ...merged, format: 'gguf-adapter' } as const;
  for (const program of ['lmstudio', 'jan'] as const) {
    expect(stepsFor(program, adapter, false)).toEqual([{ name: 'no_adapters', code: null }]);
    expect(stepsFor(program, merged, false).at(-1)).toEqual({ name: 'set_system', code: merged.system_prompt });
    expect(stepsFor(program, { ...merged, system_prompt: null }, false).at(-1)!.name).not.toBe('set_system');
  }
});

it('quotes for the system’s shell', () => {
  expect(quotedFor('C:\\out\\a.gguf', true)).toBe('C:\\out\\a.gguf');
  expect(quotedFor("C:\\it's here\\a.gguf", true)).toBe("'C:\\it''s here\\a.gguf'");
  expect(quotedFor('$HOME', false)).toBe(`'$HOME'`);
});
