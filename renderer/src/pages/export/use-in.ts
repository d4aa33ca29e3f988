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

type Exported = Pick<ExportOutcomeData, 'format' | 'output_path' | 'model_path' | 'modelfile_path' | 'system_prompt'>;

/** What a person does to use an export in a program. @param isWindows how paths are quoted */
export function stepsFor(program: Program, exported: Exported, isWindows: boolean): UseStep[] {
  const { format, output_path, model_path, modelfile_path, system_prompt } = exported;
  const quoted = (text: string) => quotedFor(text, isWindows);
  if (format === 'peft') return [{ name: 'peft', code: peftCode(output_path) }];
  const isAdapter = format === 'gguf-adapter';
  const system: UseStep[] = system_prompt === null ? [] : [{ name: 'set_system', code: system_prompt }];
  switch (program) {
    case 'ollama': {
      const name = modelName(output_path);
      const file = modelfile_path ?? `${folderOf(output_path)}${separator(output_path)}${name}.Modelfile`;
      const created: UseStep[] = [
        { name: 'ollama_create', code: `ollama create ${quoted(name)} -f ${quoted(file)}` },
        { name: 'ollama_run', code: `ollama run ${quoted(name)}` },
      ];
      if (modelfile_path !== null) return created;
      const lines = [
        `FROM ${isAdapter ? model_path : `./${fileName(output_path)}`}`,
        ...(isAdapter ? [`ADAPTER ./${fileName(output_path)}`] : []),
        ...(system_prompt === null || system_prompt.includes('"""') ? [] : [`SYSTEM """${system_prompt}"""`]),
      ];
      return [{ name: 'ollama_write', code: lines.join('\n') }, ...created];
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
      const told = system_prompt === null ? '' : ` -sys ${quoted(system_prompt)}`;
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

/** The name that a model gets: that of its file. */
function modelName(path: string): string {
  return fileName(path).replace(/\.gguf$/i, '');
}

const separator = (path: string) => (path.includes('\\') ? '\\' : '/');

function folderOf(path: string): string {
  return path.slice(0, path.length - fileName(path).length - 1);
}

/** One word for the system's shell: PowerShell's rules where there is Windows, POSIX's elsewhere. */
export function quotedFor(text: string, isWindows: boolean): string {
  if (/^[\w@%+=:,./-]+$/.test(text) || (isWindows && /^[\w@+=:./\\-]+$/.test(text))) return text;
  return isWindows ? `'${text.replaceAll("'", "''")}'` : `'${text.replaceAll("'", `'\\''`)}'`;
}

function peftCode(path: string): string {
  return [
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM',
    '',
    'base = AutoModelForCausalLM.from_pretrained("…")',
    `model = PeftModel.from_pretrained(base, ${JSON.stringify(path)})`,
  ].join('\n');
}
