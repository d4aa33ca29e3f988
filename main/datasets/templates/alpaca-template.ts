import { RowError } from '../errors.ts';
import type { ChatMessage, Conversation, ModelText, Segment } from '../types.ts';
import { SegmentList } from './segments.ts';

const PREAMBLE =
  'Below is an instruction that describes a task. Write a response that appropriately completes the request.';
const PREAMBLE_WITH_INPUT =
  'Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately completes the request.';

/** The Alpaca prompt, with its preamble or short; an answer ends with the model's end-of-sequence token. */
export class AlpacaTemplate {
  private readonly withPreamble: boolean;
  private readonly eos: string;

  constructor(model: ModelText, withPreamble: boolean) {
    this.withPreamble = withPreamble;
    this.eos = model.eos_token ?? '';
  }

  /** @throws RowError template_refused */
  renderRow(messages: ChatMessage[], alpaca?: { instruction: string; input: string }): Segment[] {
    const list = new SegmentList();
    this.walk(messages, alpaca, (text, supervised, isWritten) =>
      isWritten ? list.addLiteral(text, supervised) : list.add(text, supervised),
    );
    return list.segments;
  }

  /** @throws RowError template_refused */
  renderPrompt(messages: ChatMessage[], alpaca?: { instruction: string; input: string }): string {
    let prompt = '';
    this.walk(messages, alpaca, (text) => (prompt += text));
    return prompt;
  }

  private walk(
    messages: ChatMessage[],
    alpaca: Extract<Conversation, { kind: 'chat' }>['alpaca'],
    emit: (text: string, supervised: 0 | 1, isWritten: boolean) => void,
  ): void {
    const system = messages[0]?.role === 'system' ? messages[0].content : null;
    const turns = system === null ? messages : messages.slice(1);
    const input = alpaca?.input ?? '';
    // A system text says what the preamble would say, so it takes its place.
    if (system !== null) {
      emit(system, 0, true);
      emit('\n\n', 0, false);
    } else if (this.withPreamble) {
      emit(`${input === '' ? PREAMBLE : PREAMBLE_WITH_INPUT}\n\n`, 0, false);
    }
    turns.forEach((message, index) => {
      const expected = index % 2 === 0 ? 'user' : 'assistant';
      if (message.role !== expected) {
        throw new RowError(
          'template_refused',
          `The Alpaca template takes user and assistant in turn; turn ${index + 1} is ${message.role}.`,
          { turn: index + 1 },
        );
      }
      if (message.role === 'assistant') {
        const supervised = message.supervised === false ? 0 : 1;
        emit(message.content, supervised, true);
        emit(this.eos, supervised, false);
        return;
      }
      const first = index === 0 && alpaca !== undefined;
      const instruction = first ? alpaca.instruction : message.content;
      emit(`${index === 0 ? '' : '\n\n'}### Instruction:\n`, 0, false);
      emit(instruction, 0, true);
      if (first && input !== '') {
        emit('\n\n### Input:\n', 0, false);
        emit(input, 0, true);
      }
      emit('\n\n### Response:\n', 0, false);
    });
  }
}
