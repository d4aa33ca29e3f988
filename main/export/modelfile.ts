import { basename, dirname, join } from 'node:path';
import { ollamaName, shellWord } from '../contracts/commands.ts';
import { goTemplate, withSystem, type OllamaTemplate } from './ollama/index.ts';

export interface ModelfileOptions {
  /** What was exported: the merged model, or the adapter. */
  output_path: string;
  /** The base, when an adapter was exported; null for a merged model. */
  base_path: string | null;
  /** The prompt as it was trained. */
  prompt: OllamaTemplate;
  /** What the rows tell the model first; null where they don't, or not all the same. */
  system_prompt: string | null;
  isWindows: boolean;
}

/** An Ollama Modelfile, to lie beside what was exported: the model, and the prompt as it was trained, or why it can't be had. */
export function modelfile({ output_path, base_path, prompt, system_prompt, isWindows }: ModelfileOptions): string {
  const file = basename(output_path);
  const lines = [
    `# In this folder: ollama create ${ollamaName(file)} -f ${shellWord(basename(modelfilePath(output_path)), isWindows)}`,
    ...(base_path === null ? [`FROM ./${file}`] : [`FROM ${base_path}`, `ADAPTER ./${file}`]),
  ];
  const told = system_prompt ?? '';
  const isSayable = canSay(told);
  if (prompt.turns === null) {
    lines.push(`# No TEMPLATE. ${whyNoTemplate(prompt)}`, `# ${WITHOUT_TEMPLATE}`);
    if (!isSayable) lines.push("# A Modelfile can't hold the system prompt of the training rows: set it by hand.");
  } else {
    const within = isSayable ? null : withSystem(prompt.turns, told);
    if (!isSayable && within === null)
      lines.push("# A Modelfile can't hold the system prompt of the training rows: set it by hand.");
    if (prompt.joins_messages)
      lines.push('# Ollama joins messages of one role that follow each other; no template can keep them apart.');
    lines.push(`TEMPLATE ${quoted(goTemplate(within ?? prompt.turns))}`);
    if (prompt.stop !== null && canSay(prompt.stop)) lines.push(`PARAMETER stop ${quoted(prompt.stop)}`);
  }
  if (told !== '' && isSayable) lines.push(`SYSTEM ${quoted(told)}`);
  return `${lines.join('\n')}\n`;
}

/** Why there is no TEMPLATE, in a sentence. */
export function whyNoTemplate({ shape }: { shape: string | null }): string {
  const why =
    shape === null
      ? 'the text between its turns is not always the same'
      : `a conversation with ${shape} would come out differently`;
  return `The prompt that this model was trained with can't be written as a template of Ollama's: ${why}.`;
}

/** What that means, and what to do. */
export const WITHOUT_TEMPLATE =
  'Ollama does not read the template in the model file and asks in another way. Use llama.cpp (llama-server --jinja) or LM Studio, which do.';

/** Where the Modelfile of an export lies: beside it, under its name. */
export function modelfilePath(output_path: string): string {
  return join(dirname(output_path), `${basename(output_path).replace(/\.gguf$/i, '')}.Modelfile`);
}

/** A Modelfile's reader leaves out what can't be printed, and nothing stands for three quotes in it. */
function canSay(text: string): boolean {
  return !text.includes('"""') && !text.endsWith('"') && /^[ \t\n\p{L}\p{M}\p{N}\p{P}\p{S}]*$/u.test(text);
}

const quoted = (text: string) => `"""${text}"""`;
