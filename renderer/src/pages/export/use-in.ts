import { ollamaName, shellWord } from '../../../../main/contracts/commands.ts';
import type { ExportOutcomeData } from '../../../../main/contracts/ipc.ts';
import { fileName } from '../../state/file-name.ts';

/** Programs that answer with an exported model. */
export const PROGRAMS = ['ollama', 'lmstudio', 'llamacpp', 'jan'] as const;
export type Program = (typeof PROGRAMS)[number];

/** Steps by their name in the translations, each with what is to be copied for it. */
export interface UseStep {
  name:
    | 'ollama_create'
    | 'ollama_run'
    | 'ollama_write'
    | 'ollama_turns_vary'
    | 'ollama_shape_differs'
    | 'lms_import'
    | 'lms_load'
    | 'llama_cli'
    | 'llama_server'
    | 'jan_import'
    | 'jan_choose'
    | 'set_system'
    | 'no_adapters'
    | 'peft';
  code: string | null;
}

type Exported = Pick<
  ExportOutcomeData,
  'format' | 'output_path' | 'model_path' | 'modelfile_path' | 'modelfile' | 'no_template' | 'system_prompt'
>;

/** What a person does to use an export in a program. @param isWindows how paths are quoted */
export function stepsFor(program: Program, exported: Exported, isWindows: boolean): UseStep[] {
  const { format, output_path, model_path, modelfile_path, modelfile, no_template, system_prompt } = exported;
  const quoted = (text: string) => shellWord(text, isWindows);
  if (format === 'peft') return [{ name: 'peft', code: peftCode(output_path) }];
  const isAdapter = format === 'gguf-adapter';
  const system: UseStep[] = system_prompt === null ? [] : [{ name: 'set_system', code: system_prompt }];
  switch (program) {
    case 'ollama': {
      const name = ollamaName(fileName(output_path));
      const file = modelfile_path ?? `${withoutEnding(output_path)}.Modelfile`;
      return [
        ...(no_template === null ? [] : [{ name: `ollama_${no_template}` as const, code: null }]),
        ...(modelfile_path === null ? [{ name: 'ollama_write' as const, code: modelfile }] : []),
        { name: 'ollama_create', code: `ollama create ${name} -f ${quoted(file)}` },
        { name: 'ollama_run', code: `ollama run ${name}` },
      ];
    }
    case 'lmstudio':
      if (isAdapter) return [{ name: 'no_adapters', code: null }];
      return [
        { name: 'lms_import', code: `lms import ${quoted(output_path)}` },
        { name: 'lms_load', code: null },
        ...system,
      ];
    case 'llamacpp': {
      const model = isAdapter ? `-m ${quoted(model_path)} --lora ${quoted(output_path)}` : `-m ${quoted(output_path)}`;
      // PowerShell hands double quotes on in ways that depend on its version; the last step has the text.
      const isSaid = system_prompt !== null && !(isWindows && system_prompt.includes('"'));
      const told = isSaid ? ` -sys ${quoted(system_prompt)}` : '';
      return [
        { name: 'llama_cli', code: `llama-cli ${model} --jinja --temp 0${told}` },
        { name: 'llama_server', code: `llama-server ${model} --jinja` },
        ...system,
      ];
    }
    case 'jan':
      if (isAdapter) return [{ name: 'no_adapters', code: null }];
      return [{ name: 'jan_import', code: output_path }, { name: 'jan_choose', code: null }, ...system];
  }
}

const withoutEnding = (path: string) => path.replace(/\.gguf$/i, '');

function peftCode(path: string): string {
  return [
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM',
    '',
    'base = AutoModelForCausalLM.from_pretrained("…")',
    `model = PeftModel.from_pretrained(base, ${JSON.stringify(path)})`,
  ].join('\n');
}
