import { availableParallelism } from 'node:os';
import type { Llama, LlamaContext, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { ChatError } from './errors.ts';
import { promptTokens } from './prompt-tokens.ts';
import type { GenerateRequest, GenerateResult, LoadRequest, LoadResult } from './protocol.ts';

interface Voice {
  model_path: string;
  model: LlamaModel;
  context: LlamaContext;
  sequence: LlamaContextSequence;
  /**
   * Ends with the answer that is being written. Answers come one after another: on several sequences of one context, ending
   * one early made node-llama-cpp 3.21 mix up the tokens of the others.
   */
  busy: Promise<unknown>;
}

/** The models of the chat process. A file that two voices share is loaded once; each has a context of its own. */
export class Voices {
  private llama: Promise<Llama> | null = null;
  private readonly models = new Map<string, Promise<LlamaModel>>();
  private readonly voices = new Map<string, Voice>();

  /** @throws ChatError chat_model_unloadable */
  async load(request: LoadRequest): Promise<LoadResult> {
    const started = performance.now();
    const { voice, model_path, adapters, n_ctx, threads } = request;
    try {
      const model = await this.model(model_path);
      await this.unload(voice, model_path);
      const context = await model.createContext({
        contextSize: n_ctx,
        // One core is left to the rest of the machine: llama.cpp's threads spin while they wait for each other, and one that has to
        // share its core makes a token take seconds.
        threads: threads > 0 ? threads : Math.max(1, availableParallelism() - 1),
        ...(adapters.length === 0
          ? {}
          : { lora: { adapters: adapters.map(({ path, scale }) => ({ filePath: path, scale })) } }),
      });
      this.voices.set(voice, { model_path, model, context, sequence: context.getSequence(), busy: Promise.resolve() });
      return { context_tokens: context.contextSize, load_ms: Math.round(performance.now() - started) };
    } catch (error) {
      const names = adapters.map(({ path }) => path).join(', ');
      const what = names === '' ? model_path : `${model_path} with the adapter ${names}`;
      throw new ChatError({
        code: 'chat_model_unloadable',
        message: `llama.cpp can't load ${what}: ${(error as Error).message}`,
        hint: 'Check that the files are whole, belong together and fit into memory.',
        details: { model_path, adapter_path: adapters[0]?.path ?? null, reason: (error as Error).message },
      });
    }
  }

  /**
   * Lets go of a voice, and of its model when no other voice has it.
   * @param keep_model_path a model that stays all the same
   */
  async unload(name: string, keep_model_path?: string): Promise<void> {
    const voice = this.voices.get(name);
    if (voice === undefined) return;
    this.voices.delete(name);
    await voice.busy;
    await voice.context.dispose();
    const { model_path, model } = voice;
    const isUsed = [...this.voices.values()].some((other) => other.model_path === model_path);
    if (isUsed || model_path === keep_model_path) return;
    this.models.delete(model_path);
    await model.dispose();
  }

  /** @throws ChatError chat_voice_unknown, chat_prompt_too_long */
  async generate(
    request: GenerateRequest,
    onText: (text: string) => void,
    signal: AbortSignal,
  ): Promise<GenerateResult> {
    const voice = this.voices.get(request.voice);
    if (voice === undefined) {
      throw new ChatError({
        code: 'chat_voice_unknown',
        message: `No model was loaded as "${request.voice}".`,
        hint: 'Load it first.',
        details: { voice: request.voice },
      });
    }
    const tokens = promptTokens(voice.model, request.prompt);
    const { contextSize } = voice.context;
    if (tokens.length + 1 >= contextSize) {
      throw new ChatError({
        code: 'chat_prompt_too_long',
        message: `The prompt has ${tokens.length} tokens, and the context holds ${contextSize}.`,
        hint: 'Shorten the conversation or load the model with a longer context.',
        details: { prompt_tokens: tokens.length, context_tokens: contextSize },
      });
    }
    const answer = voice.busy.then(() =>
      signal.aborted ? stoppedBeforeStart(tokens) : complete(voice.sequence, tokens, request, onText, signal),
    );
    voice.busy = answer.catch(() => undefined);
    return await answer;
  }

  private async model(path: string): Promise<LlamaModel> {
    const known = this.models.get(path);
    if (known !== undefined) return await known;
    // Training runs on the CPU unless asked otherwise; so does this, and nothing competes for a small GPU's memory.
    this.llama ??= startLlama();
    const loading = (await this.llama).loadModel({ modelPath: path });
    this.models.set(path, loading);
    loading.catch(() => this.models.delete(path));
    return await loading;
  }
}

/** node-llama-cpp is ESM alone: imported this way, a CommonJS build of this file can have it too. */
async function startLlama(): Promise<Llama> {
  const { getLlama, LlamaLogLevel } = await import('node-llama-cpp');
  return await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
}

function stoppedBeforeStart(tokens: Token[]): GenerateResult {
  return { text: '', prompt_tokens: tokens.length, tokens: 0, stop_reason: 'stopped', duration_ms: 0 };
}

async function complete(
  sequence: LlamaContextSequence,
  tokens: Token[],
  request: GenerateRequest,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<GenerateResult> {
  const { sampling, max_tokens, fresh } = request;
  const started = performance.now();
  let text = '';
  let generated = 0;
  let stop_reason: GenerateResult['stop_reason'] = 'stopped';
  const { LlamaCompletion } = await import('node-llama-cpp');
  if (fresh) await sequence.clearHistory();
  const completion = new LlamaCompletion({ contextSequence: sequence });
  try {
    const { response, metadata } = await completion.generateCompletionWithMeta(tokens, {
      maxTokens: max_tokens,
      temperature: sampling.temperature,
      topP: sampling.top_p,
      topK: sampling.top_k,
      minP: sampling.min_p,
      seed: sampling.seed,
      // Left out, node-llama-cpp applies one of its own.
      repeatPenalty: sampling.repeat_penalty === 1 ? false : { penalty: sampling.repeat_penalty, lastTokens: 64 },
      disableContextShift: true,
      signal,
      stopOnAbortSignal: true,
      onTextChunk: (piece) => {
        text += piece;
        onText(piece);
      },
      onToken: (chunk) => (generated += chunk.length),
    });
    text = response;
    if (metadata.stopReason !== 'abort') stop_reason = metadata.stopReason === 'maxTokens' ? 'max_tokens' : 'end';
  } catch (error) {
    // Stopped before the first token, node-llama-cpp throws all the same.
    if (!signal.aborted) throw error;
  } finally {
    completion.dispose({ disposeSequence: false });
  }
  const duration_ms = Math.round(performance.now() - started);
  return { text, prompt_tokens: tokens.length, tokens: generated, stop_reason, duration_ms };
}
