import type { ChatFailure } from './protocol.ts';

/** Codes: chat_model_unloadable, chat_voice_unknown, chat_prompt_too_long, chat_failed, chat_crashed, chat_closed. */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  readonly code: string;
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor({ code, message, hint, details }: ChatFailure) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}
