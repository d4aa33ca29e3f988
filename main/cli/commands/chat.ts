import { createInterface } from 'node:readline/promises';
import { ChatProcess, type GenerateResult, type LoadOptions } from '../../chat/index.ts';
import { EXIT, ForjaError } from '../../contracts/errors.ts';
import { openTemplate, type ChatMessage, type PromptTemplate, type TemplateChoice } from '../../datasets/index.ts';
import { inspectModel } from '../../models/index.ts';
import { liveModel, RunFolder } from '../../runs/index.ts';
import type { Arguments, Command } from '../lib/command.ts';
import { onInterrupt } from '../lib/interrupts.ts';
import type { Output } from '../lib/output.ts';
import { usage } from '../lib/parse.ts';
import { adapterOf } from '../lib/run-adapter.ts';

/** A model that answers, with what was said to it so far. */
interface Voice {
  name: 'base' | 'tuned' | 'model';
  messages: ChatMessage[];
}

interface Session {
  chat: ChatProcess;
  template: PromptTemplate;
  voices: Voice[];
  args: Arguments;
  output: Output;
}

export const chat: Command = {
  name: 'chat',
  summary: 'Ask a model, before and after tuning side by side: one prompt, or a conversation',
  about:
    'With --run or --adapter both the base and the tuned model answer; with --model alone that model does. Without --prompt it is ' +
    'a conversation: an empty line or Ctrl-D ends it, /new starts afresh.',
  groups: [
    {
      title: 'Who',
      options: [
        { flag: 'run', kind: 'string', value: 'DIR', help: "a run's folder" },
        { flag: 'checkpoint', kind: 'string', value: 'WHICH', help: 'which adapter of the run: best, last, or a step' },
        { flag: 'model', kind: 'string', value: 'GGUF', help: 'a model, merged or not' },
        { flag: 'adapter', kind: 'string', value: 'GGUF', help: 'an adapter to put on --model' },
        { flag: 'only', kind: 'string', choices: ['base', 'tuned'], help: 'let only one of them answer' },
      ],
    },
    {
      title: 'What',
      options: [
        { flag: 'prompt', kind: 'string', help: 'ask this, print the answers and end' },
        { flag: 'system', kind: 'string', help: 'a system message' },
        {
          flag: 'template',
          kind: 'string',
          choices: ['auto', 'model', 'alpaca', 'alpaca-short', 'plain'],
          help: 'the prompt template',
          default: "the run's, or auto",
        },
      ],
    },
    {
      title: 'How',
      options: [
        { flag: 'max-tokens', kind: 'number', help: 'the longest answer', default: '512' },
        { flag: 'temperature', kind: 'number', help: '0 takes the likeliest token each time', default: '0' },
        { flag: 'top-p', kind: 'number', help: 'nucleus sampling; 1 turns it off', default: '1' },
        { flag: 'top-k', kind: 'number', help: 'the k likeliest tokens; 0 turns it off', default: '0' },
        { flag: 'min-p', kind: 'number', help: 'least share of the likeliest token; 0 turns it off', default: '0' },
        { flag: 'repeat-penalty', kind: 'number', help: '1 turns it off', default: '1' },
        { flag: 'seed', kind: 'number', help: 'of the sampling', default: '1' },
        { flag: 'context', kind: 'number', help: 'context length in tokens', default: '2048' },
        { flag: 'threads', kind: 'number', help: 'CPU threads; 0: as llama.cpp sees fit', default: '0' },
      ],
    },
  ],
  examples: ['forja chat --run runs/first --prompt "Two loaves of rye, please."', 'forja chat --model tuned.gguf'],
  run: async (args, output) => {
    const process = new ChatProcess();
    try {
      const session = await open(process, args, output);
      const prompt = args.options.prompt as string | undefined;
      if (prompt !== undefined) await askOnce(session, prompt);
      else if (output.isJson) throw usage('--json needs --prompt.', 'A conversation has no one result.');
      else await converse(session);
      return EXIT.done;
    } finally {
      process.close();
    }
  },
};

async function open(chat: ChatProcess, args: Arguments, output: Output): Promise<Session> {
  const { options } = args;
  const source = findModels(args);
  output.progress('loading the model …', true);
  const model = await inspectModel(source.model_path);
  const template = openTemplate(model, source.template);
  for (const { message, hint } of template.warnings) output.warn(message, hint);
  const base: LoadOptions = {
    model_path: source.model_path,
    n_ctx: (options.context as number | undefined) ?? 2048,
    threads: (options.threads as number | undefined) ?? 0,
  };
  const voices: Voice[] = [];
  const load = async (name: Voice['name'], loadOptions: LoadOptions) => {
    await chat.load(name, loadOptions);
    voices.push({ name, messages: opening(args) });
  };
  if (source.adapter_path === null) await load('model', base);
  else {
    if (options.only !== 'tuned') await load('base', base);
    if (options.only !== 'base') {
      const { model_path, adapter_path } = await liveModel(source.model_path, source.adapter_path, base.threads ?? 0);
      await load('tuned', { ...base, model_path, adapter_path });
    }
  }
  return { chat, template, voices, args, output };
}

function findModels({ options }: Arguments): {
  model_path: string;
  adapter_path: string | null;
  template: TemplateChoice;
} {
  const model = options.model as string | undefined;
  const adapter = (options.adapter as string | undefined) ?? null;
  const template = options.template as TemplateChoice | undefined;
  if (typeof options.run === 'string') {
    if (adapter !== null) throw usage('--run and --adapter are given.', 'Give one of the two.');
    const folder = new RunFolder(options.run);
    const run = folder.read();
    const { path } = adapterOf(folder, options.checkpoint as string | undefined);
    return { model_path: model ?? run.model.path, adapter_path: path, template: template ?? run.template };
  }
  if (model === undefined)
    throw usage('There is nobody to ask.', 'Give --run DIR, or --model with or without --adapter.');
  return { model_path: model, adapter_path: adapter, template: template ?? 'auto' };
}

function opening({ options }: Arguments): ChatMessage[] {
  return typeof options.system === 'string' ? [{ role: 'system', content: options.system }] : [];
}

async function answer(session: Session, voice: Voice, prompt: string): Promise<GenerateResult> {
  const { chat, template, voices, output, args } = session;
  voice.messages.push({ role: 'user', content: prompt });
  if (voices.length > 1) output.text(`── ${voice.name} ──`);
  const abort = new AbortController();
  const interrupts = onInterrupt(
    () => abort.abort(),
    () => process.exit(EXIT.stopped),
  );
  try {
    const result = await chat.generate(voice.name, template.renderPrompt(voice.messages), {
      ...generation(args),
      onText: (text) => output.piece(text),
      signal: abort.signal,
    });
    output.text();
    voice.messages.push({ role: 'assistant', content: result.text });
    return result;
  } finally {
    interrupts.release();
  }
}

function generation({ options }: Arguments) {
  const number = (flag: string, fallback: number) => (options[flag] as number | undefined) ?? fallback;
  return {
    max_tokens: number('max-tokens', 512),
    sampling: {
      temperature: number('temperature', 0),
      top_p: number('top-p', 1),
      top_k: number('top-k', 0),
      min_p: number('min-p', 0),
      repeat_penalty: number('repeat-penalty', 1),
      seed: number('seed', 1),
    },
  };
}

async function askOnce(session: Session, prompt: string): Promise<void> {
  const result: Record<string, unknown> = { prompt };
  for (const voice of session.voices) {
    const { text, tokens, duration_ms, stop_reason } = await answer(session, voice, prompt);
    session.output.row({ type: 'answer', voice: voice.name, text, tokens, duration_ms, stop_reason });
    const prefix = voice.name === 'model' ? '' : `${voice.name}_`;
    Object.assign(result, {
      [`${prefix}text`]: text,
      [`${prefix}tokens`]: tokens,
      [`${prefix}stop_reason`]: stop_reason,
    });
  }
  session.output.result('chat', result);
}

async function converse(session: Session): Promise<void> {
  const { output, voices, args } = session;
  output.text('An empty line or Ctrl-D ends the conversation, /new starts afresh, Ctrl-C cuts an answer short.');
  const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: '\n> ' });
  // In a terminal readline takes the Ctrl-C: an answer that comes is cut short, and else the conversation ends.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  lines.prompt();
  for await (const line of lines) {
    const prompt = line.trim();
    if (prompt === '') break;
    if (prompt === '/new') {
      for (const voice of voices) voice.messages = opening(args);
      output.text('A new conversation.');
    } else {
      for (const voice of voices) await tell(session, voice, prompt);
    }
    lines.prompt();
  }
  lines.close();
}

/** A turn that fails is told and taken back; the conversation goes on. */
async function tell(session: Session, voice: Voice, prompt: string): Promise<void> {
  const { length } = voice.messages;
  try {
    await answer(session, voice, prompt);
  } catch (error) {
    if (!(error instanceof Error) || !('hint' in error) || error instanceof ForjaError) throw error;
    voice.messages.length = length;
    session.output.warn(error.message, String(error.hint));
  }
}
