import type { ChatErrorCode } from '../contracts/codes.ts';
import type { ChatFailure } from './protocol.ts';

/** Why the chat could not do what was asked. */
export class ChatError extends Error {
  override readonly name = 'ChatError';
  readonly code: ChatErrorCode;
  readonly hint: string;
  readonly details: Record<string, unknown>;

  constructor({ code, message, hint, details }: ChatFailure) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}
