/** What the Modelfiles are tried on: chat templates, and system prompts that are awkward to say. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatasetError, openTemplate } from '../../main/datasets/index.ts';
import * as examples from '../../main/datasets/templates/example-templates.ts';
import type { ModelText, TemplateChoice } from '../../main/datasets/types.ts';
import { modelfile } from '../../main/export/modelfile.ts';
import {
  joined,
  ollamaTemplate,
  SHAPES,
  trainedText,
  type Message,
  type TrainedPrompt,
} from '../../main/export/ollama/index.ts';

export interface OllamaCase {
  name: string;
  modelfile: string;
  /** Null where it has no TEMPLATE. */
  prompts: { conversation: Message[]; trained: string | null }[] | null;
}

/** The results of scripts/ollama, committed. */
export interface OllamaResults {
  ollama: string;
  today: string;
  /** By case: a hash of the Modelfile, the stop text, and of each shape's prompt the first digits of its SHA-256. */
  cases: Record<string, { modelfile: string; stop: string; prompts: string[] } | 'no template'>;
}

/** The day of the results. */
export const TODAY = new Date(2027, 4, 9, 12);
export const RESULTS = join(import.meta.dirname, 'results.json');

const AWKWARD = 'Say """hi""" to 👩🏽‍💻\u00a0\\ {{ .Prompt }}\r\nñ';

export const digest = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** Chat templates of llama.cpp's source, which lies where the trainer is built. */
function* jinjaFiles(): Generator<[string, ModelText]> {
  const build = join(import.meta.dirname, '../../native/build');
  const release = (existsSync(build) ? readdirSync(build) : []).find((name) => name.startsWith('llama.cpp-'));
  if (release === undefined) throw new Error(`${build} holds no source of llama.cpp: build the trainer first.`);
  const folder = join(build, release, 'models/templates');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.jinja')))
    yield [
      file,
      { chat_template: readFileSync(join(folder, file), 'utf8'), bos_token: '<|bos|>', eos_token: '<|eos|>' },
    ];
}

function* prompts(): Generator<[name: string, model: ModelText, choice: TemplateChoice, system: string | null]> {
  for (const [name, model] of jinjaFiles()) yield [name, model, 'model', null];
  for (const [name, model] of Object.entries(examples)) yield [`example ${name}`, model, 'model', null];
  for (const choice of ['alpaca', 'alpaca-short', 'plain'] as const) yield [choice, examples.chatml, choice, null];
  for (const name of ['chatml', 'headers', 'instTags', 'noSystem'] as const) {
    yield [`example ${name}, a system prompt`, examples[name], 'model', 'Write the order as JSON.\nBe "brief" .'];
    yield [`example ${name}, an awkward system prompt`, examples[name], 'model', AWKWARD];
  }
}

/** Every case with what was trained; templates that can't be opened at all are left out. */
export function* ollamaCases(): Generator<OllamaCase> {
  for (const [name, model, choice, system_prompt] of prompts()) {
    const trained: TrainedPrompt = {
      open: (date) => openTemplate({ ...model, date }, choice),
      bos_token: model.bos_token,
      // As SmolLM2, whose BOS opens every turn.
      adds_bos: model !== examples.chatml,
    };
    try {
      trained.open(TODAY);
    } catch (error) {
      if (error instanceof DatasetError) continue;
      throw error;
    }
    const prompt = ollamaTemplate(trained);
    const text = modelfile({
      output_path: '/out/tuned.gguf',
      base_path: null,
      prompt,
      system_prompt,
      isWindows: false,
    });
    const render = trainedText(trained, TODAY);
    const told = (messages: Message[]): Message[] =>
      system_prompt === null || messages[0]?.role === 'system'
        ? messages
        : [{ role: 'system', content: system_prompt }, ...messages];
    yield {
      name,
      modelfile: text,
      prompts:
        prompt.turns === null
          ? null
          : SHAPES.map(({ messages }) => ({ conversation: messages, trained: render(joined(told(messages))) })),
    };
  }
}
