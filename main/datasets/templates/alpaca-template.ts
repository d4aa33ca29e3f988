import { RowError } from '../errors.ts';
import type { ChatMessage, ModelText, Segment } from '../types.ts';
import { refuseCalls } from './model-template.ts';
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

  /** A row, or what comes before an answer: a conversation that ends with a question. @throws RowError template_refused */
  render(messages: ChatMessage[], alpaca?: { instruction: string; input: string }): Segment[] {
    const list = new SegmentList();
    const system = messages[0]?.role === 'system' ? messages[0].content : null;
    const turns = system === null ? messages : messages.slice(1);
    const input = alpaca?.input ?? '';
    // A system text says what the preamble would say, so it takes its place.
    if (system !== null) {
      list.addLiteral(system, 0);
      if (system !== '') list.add('\n\n', 0);
    } else if (this.withPreamble) {
      list.add(`${input === '' ? PREAMBLE : PREAMBLE_WITH_INPUT}\n\n`, 0);
    }
    refuseCalls(messages);
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
        list.addLiteral(message.content, supervised);
        list.add(this.eos, supervised);
        return;
      }
      const first = index === 0 && alpaca !== undefined;
      const instruction = first ? alpaca.instruction : message.content;
      list.add(`${index === 0 ? '' : '\n\n'}### Instruction:\n`, 0);
      list.addLiteral(instruction, 0);
      if (first && input !== '') {
        list.add('\n\n### Input:\n', 0);
        list.addLiteral(input, 0);
      }
      list.add('\n\n### Response:\n', 0);
    });
    return list.segments;
  }
}
