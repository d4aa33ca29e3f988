import type { AnswersCheck } from '../contracts/ipc.ts';
import { ChatProcess, type LoadOptions } from '../chat/index.ts';
import { openTemplate, type Example, type PromptTemplate, type Segment } from '../datasets/index.ts';
import { ollamaPrompt, textOn, type Turns } from '../export/index.ts';

/** Prompts whose answers are compared, where the run has as many; and the fewest that say anything. */
export const COMPARED = 12;

const MAX_TOKENS = 64;
const N_CTX = 2048;

/** What an export's user has the model answer with: the model file's text fields, or Ollama's Modelfile. */
export interface UsersPrompt {
  model: Parameters<typeof openTemplate>[0];
  /** What a Modelfile's TEMPLATE says; null where the program takes the template in the file. */
  turns: Turns | null;
  system_prompt: string | null;
}

/** The prompt as Forja trained it and as the playground asks it. */
export function trainedPrompt(template: PromptTemplate, { system, prompt }: Example): Segment[] {
  return template.renderPrompt([
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user' as const, content: prompt },
  ]);
}

/** The prompt as the export's user will send it, in the program that the export is for. */
export function usersPrompt({ model, turns, system_prompt }: UsersPrompt, prompt: string): Segment[] {
  const system = system_prompt ?? '';
  const messages = [
    ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
    { role: 'user' as const, content: prompt },
  ];
  if (turns !== null) {
    const today = new Date();
    return ollamaPrompt(turns, messages).map((part): Segment =>
      'message' in part ? [part.message, 0, 1] : [textOn(part.fixed, today), 0],
    );
  }
  // llama.cpp writes ChatML for a model without a template, and so do the programs that are built on it.
  if (model.chat_template === null || model.chat_template.trim() === '') {
    return messages
      .flatMap(({ role, content }): Segment[] => [
        [`<|im_start|>${role}\n`, 0],
        [content, 0, 1],
        ['<|im_end|>\n', 0],
      ])
      .concat([['<|im_start|>assistant\n', 0]]);
  }
  return openTemplate(model, 'model').renderPrompt(messages);
}

/** Whether two prompts are the same text; BOS is put there by whoever tokenises. */
export function isSamePrompt(a: readonly Segment[], b: readonly Segment[], bos_token: string | null): boolean {
  const textOf = (prompt: readonly Segment[]) => {
    const text = prompt.map(([piece]) => piece).join('');
    return bos_token !== null && bos_token !== '' && text.startsWith(bos_token) ? text.slice(bos_token.length) : text;
  };
  return textOf(a) === textOf(b);
}

/** What of main/chat is used; tests give another. */
export type CheckChat = Pick<ChatProcess, 'load' | 'generate' | 'close'>;

export interface CompareOptions {
  examples: readonly Example[];
  template: PromptTemplate;
  user: UsersPrompt;
  /** Base and adapter, as the playground loads them. */
  tuned: LoadOptions;
  /** What was written, as its user loads it. */
  exported: LoadOptions;
  signal: AbortSignal;
  onProgress: (done: number, total: number) => void;
  openChat?: () => CheckChat;
}

/**
 * Lets base + adapter answer under the prompt that was trained, and the export under the one that its user will send, greedily,
 * and compares the answers.
 *
 * @throws ChatError chat_closed when `signal` is aborted; chat_model_unloadable, chat_crashed …
 */
export async function compareAnswers(options: CompareOptions): Promise<AnswersCheck> {
  const { template, user, tuned, exported, signal, onProgress } = options;
  const examples = options.examples.slice(0, COMPARED);
  const chat = (options.openChat ?? (() => new ChatProcess()))();
  const close = () => chat.close();
  signal.addEventListener('abort', close, { once: true });
  if (signal.aborted) close();
  const found: AnswersCheck = {
    compared: examples.length,
    same: 0,
    prompt_is_same: true,
    differing: [],
  };
  try {
    await chat.load('tuned', { ...tuned, n_ctx: N_CTX });
    await chat.load('exported', { ...exported, n_ctx: N_CTX });
    for (const [index, example] of examples.entries()) {
      onProgress(index, examples.length);
      const trained = trainedPrompt(template, example);
      const sent = usersPrompt(user, example.prompt);
      found.prompt_is_same &&= isSamePrompt(trained, sent, user.model.bos_token);
      const limit = { max_tokens: MAX_TOKENS };
      const [{ text: before }, { text: after }] = [
        await chat.generate('tuned', trained, limit),
        await chat.generate('exported', sent, limit),
      ];
      if (before.trim() === after.trim()) found.same += 1;
      else found.differing.push({ prompt: example.prompt, tuned: before.trim(), exported: after.trim() });
    }
    onProgress(examples.length, examples.length);
    return found;
  } finally {
    signal.removeEventListener('abort', close);
    chat.close();
  }
}
