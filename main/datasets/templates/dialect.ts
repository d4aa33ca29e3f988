import { RowError } from '../errors.ts';
import type { ChatMessage, ToolCall } from '../types.ts';
import { REASONING_KEYS, type JinjaTemplate, type TemplateDialect } from './jinja.ts';
import { SENTINEL } from './spans.ts';

const QUESTION: ChatMessage = { role: 'user', content: 'u' };
const ANSWER: ChatMessage = { role: 'assistant', content: 'a' };

/** Finds out what a template shows of thoughts, tools and their calls, and under which names, by showing it some. */
export function findDialect(jinja: JinjaTemplate): TemplateDialect {
  const shows = (messages: ChatMessage[], dialect: Partial<TemplateDialect>, tools?: unknown[]) => {
    const trial = jinja.withTools(tools ?? undefined);
    const before = trial.dialect;
    trial.dialect = { reasoning_key: null, call_arguments: null, shows_tools: false, ...dialect };
    try {
      return trial.render(messages, false).includes(SENTINEL);
    } catch (error) {
      if (error instanceof RowError) return false;
      throw error;
    } finally {
      trial.dialect = before;
    }
  };
  const thinking: ChatMessage[] = [QUESTION, { ...ANSWER, reasoning: SENTINEL }];
  const reasoning_key = REASONING_KEYS.find((key) => shows(thinking, { reasoning_key: key })) ?? null;
  const call: ToolCall = { id: 'abcdefghi', type: 'function', function: { name: 'f', arguments: { x: SENTINEL } } };
  const calling: ChatMessage[] = [
    QUESTION,
    { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', content: 't', name: 'f', tool_call_id: 'abcdefghi' },
    ANSWER,
  ];
  const call_arguments = (['object', 'text'] as const).find((kind) => shows(calling, { call_arguments: kind })) ?? null;
  const tool = {
    type: 'function',
    function: { name: SENTINEL, description: 'd', parameters: { type: 'object', properties: {}, required: [] } },
  };
  return { reasoning_key, call_arguments, shows_tools: shows([QUESTION, ANSWER], {}, [tool]) };
}
