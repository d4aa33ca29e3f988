import { expect, it } from 'vitest';
import { stepsFor } from './use-in.ts';

const merged = {
  format: 'gguf',
  output_path: '/out/my orders.gguf',
  model_path: '/models/base.gguf',
  modelfile_path: null,
  modelfile: 'FROM ./my orders.gguf\n',
  no_template: null,
  system_prompt: 'It’s an order: write JSON.',
} as const;

it('gives Ollama the Modelfile that was written, or what to write into one', () => {
  const written = { ...merged, format: 'ollama', modelfile_path: '/out/my orders.Modelfile' } as const;
  expect(stepsFor('ollama', written, false).map(({ code }) => code)).toEqual([
    `ollama create my-orders -f '/out/my orders.Modelfile'`,
    'ollama run my-orders',
  ]);
  expect(stepsFor('ollama', merged, false).map(({ code }) => code)).toEqual([
    merged.modelfile,
    `ollama create my-orders -f '/out/my orders.Modelfile'`,
    'ollama run my-orders',
  ]);
  const untold = stepsFor('ollama', { ...written, no_template: 'turns_vary' }, false);
  expect(untold.map(({ name }) => name)).toEqual(['ollama_turns_vary', 'ollama_create', 'ollama_run']);
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

it('quotes for PowerShell on Windows, where double quotes get lost', () => {
  const onWindows = { ...merged, output_path: "C:\\it's here\\a.gguf", system_prompt: 'Say "hi".' } as const;
  expect(stepsFor('llamacpp', onWindows, true)[0]!.code).toBe("llama-cli -m 'C:\\it''s here\\a.gguf' --jinja --temp 0");
  expect(stepsFor('llamacpp', onWindows, true).at(-1)).toEqual({ name: 'set_system', code: 'Say "hi".' });
});
