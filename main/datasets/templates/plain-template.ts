import { RowError } from '../errors.ts';
import type { ChatMessage, ModelText, Segment } from '../types.ts';
import { SegmentList } from './segments.ts';

/**
 * Prompt and answer put together with nothing between them, for base models: blanks between the two are what the row has. An answer
 * ends with the model's end-of-sequence token.
 */
export class PlainTemplate {
  private readonly eos: string;

  constructor(model: ModelText) {
    this.eos = model.eos_token ?? '';
  }

  /** A row, or what comes before an answer. @throws RowError template_refused for conversations of several turns */
  render(messages: ChatMessage[]): Segment[] {
    const list = new SegmentList();
    const turns = messages.filter(({ role }) => role !== 'system');
    const isOne =
      turns.length <= 2 && turns[0]?.role === 'user' && (turns[1] ?? { role: 'assistant' }).role === 'assistant';
    if (!isOne || turns[1]?.tool_calls !== undefined) {
      throw new RowError(
        'template_refused',
        'The template plain takes one prompt and one answer; this is a conversation.',
        { turn: Math.min(3, turns.length) },
      );
    }
    for (const { role, content, supervised } of messages) {
      const isLearned = role === 'assistant' && supervised !== false ? 1 : 0;
      list.addLiteral(content, isLearned);
      if (role === 'assistant') list.add(this.eos, isLearned);
    }
    return list.segments;
  }
}
