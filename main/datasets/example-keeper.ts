import { firstExchange } from './examples.ts';
import type { Conversation, Example } from './types.ts';

/** Exchanges of either part that are kept as examples, none longer than this. */
const EXAMPLES = 16;
const EXAMPLE_CHARS = 2000;

/** Keeps what a few rows ask and answer, and what all of them tell the model first. */
export class ExampleKeeper {
  private readonly kept: Record<'train' | 'val', Example[]> = { train: [], val: [] };
  /** Of all rows so far; null where they differ. */
  private system: string | null | undefined;

  /** @param part whether the row is learned, or held out to validate on */
  note(part: 'train' | 'val', conversation: Conversation): void {
    if (this.system !== null) {
      const first = conversation.kind === 'chat' ? conversation.messages[0] : undefined;
      const system = first?.role === 'system' ? first.content : '';
      this.system = this.system === undefined || this.system === system ? system : null;
    }
    const kept = this.kept[part];
    if (kept.length >= EXAMPLES) return;
    const example = firstExchange(conversation);
    if (example === null || example.prompt.length + example.answer.length > EXAMPLE_CHARS) return;
    if (!kept.some(({ prompt }) => prompt === example.prompt)) kept.push(example);
  }

  /** Of the rows held out where there are any. */
  get examples(): Example[] {
    return this.kept.val.length > 0 ? this.kept.val : this.kept.train;
  }

  /** Null where rows tell the model nothing first, or not the same. */
  get system_prompt(): string | null {
    return this.system || null;
  }
}
