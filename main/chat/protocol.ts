import type { ChatErrorCode } from '../contracts/codes.ts';
import type { Segment } from '../datasets/index.ts';

/**
 * What the chat process and its parent say to each other, one object a message. Every request has an `id`; its answers carry
 * the same. Field names are the settings' own.
 */

export interface Adapter {
  path: string;
  /** 1 is the strength it was trained with; 0 has no effect. */
  scale: number;
}

export interface LoadRequest {
  id: number;
  type: 'load';
  /** By what name the voice is asked later, e.g. `base` or `tuned`; a voice of the same name is replaced. */
  voice: string;
  model_path: string;
  /** Adapter GGUFs in llama.cpp's format, which add up; none for the model as it is. */
  adapters: Adapter[];
  /** Context length in tokens. */
  n_ctx: number;
  /** 0: as many as llama.cpp sees fit. */
  threads: number;
}

/** How the next token is chosen. `temperature: 0` takes the likeliest one, and the rest is ignored but for `repeat_penalty`. */
export interface Sampling {
  temperature: number;
  /** 1 turns it off. */
  top_p: number;
  /** 0 turns it off. */
  top_k: number;
  /** 0 turns it off. */
  min_p: number;
  /** 1 turns it off. */
  repeat_penalty: number;
  seed: number;
}

export interface GenerateRequest {
  id: number;
  type: 'generate';
  voice: string;
  /** As a template rendered it: its marks are control tokens, but for those in literal text, which a person wrote. */
  prompt: readonly Segment[];
  max_tokens: number;
  sampling: Sampling;
  /** Nothing of earlier answers is taken up from the context: slower, and the same to the last bit whatever came before. */
  fresh: boolean;
}

/** Lets go of a voice; its model too, when no other voice has it. */
export interface UnloadRequest {
  id: number;
  type: 'unload';
  voice: string;
}

/** Ends a generation; what there is so far is its result. */
export interface StopRequest {
  type: 'stop';
  /** The id of the generation. */
  id: number;
}

export type ChatRequest = LoadRequest | UnloadRequest | GenerateRequest | StopRequest;

export interface LoadResult {
  context_tokens: number;
  load_ms: number;
}

export interface GenerateResult {
  text: string;
  prompt_tokens: number;
  /** Tokens generated, the end-of-turn one not counted. */
  tokens: number;
  /** Why it ended: the model's own end-of-generation token, `max_tokens`, or a stop request. */
  stop_reason: 'end' | 'max_tokens' | 'stopped';
  duration_ms: number;
}

export interface ChatFailure {
  code: ChatErrorCode;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

export type ChatResponse =
  | { id: number; type: 'text'; text: string }
  | { id: number; type: 'loaded'; result: LoadResult }
  | { id: number; type: 'unloaded'; result: null }
  | { id: number; type: 'generated'; result: GenerateResult }
  | { id: number; type: 'failed'; error: ChatFailure };
