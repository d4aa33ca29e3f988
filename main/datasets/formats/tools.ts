import { RowError } from '../errors.ts';
import type { ToolCall } from '../types.ts';
import { isBlank, type RowFields } from './fields.ts';
import type { Row } from './values.ts';

/**
 * The tools that a row offers: `tools` as chat templates take them, or OpenAI's older `functions`; either may be JSON text.
 * @throws RowError wrong_type
 */
export function toolsOf(row: Row, fields: RowFields): unknown[] | undefined {
  for (const column of ['tools', 'functions']) {
    const value = parsed(row[column]);
    if (isBlank(value)) continue;
    fields.use(column);
    if (!Array.isArray(value)) {
      throw new RowError('wrong_type', `The column "${column}" must be a list of tools.`, {
        column,
        expected: 'list',
        found: 'text',
      });
    }
    const list = value as unknown[];
    return column === 'functions' ? list.map((item) => ({ type: 'function', function: item })) : list;
  }
  return undefined;
}

/**
 * The calls of a turn: `tool_calls`, or OpenAI's older `function_call`. An empty list is no call.
 * @throws RowError wrong_type
 */
export function toolCallsOf(turn: Row, index: number): ToolCall[] {
  const list = parsed(turn['tool_calls']);
  if (!isBlank(list)) {
    if (!Array.isArray(list)) throw notACall(index);
    return list.map((item: unknown) => toCall(item, index));
  }
  const single = parsed(turn['function_call']);
  return isBlank(single) ? [] : [toCall(single, index)];
}

/** A call out of a turn's text, as ShareGPT's `function_call` turns have it. @throws RowError wrong_type */
export function toolCallsOfText(text: string, index: number): ToolCall[] {
  const value = parsed(text);
  const list = Array.isArray(value) ? value : [value];
  return list.map((item: unknown) => toCall(item, index));
}

function toCall(item: unknown, index: number): ToolCall {
  if (typeof item !== 'object' || item === null) throw notACall(index);
  const { id, function: inner } = item as { id?: unknown; function?: unknown };
  const { name, arguments: given } = (inner ?? item) as { name?: unknown; arguments?: unknown };
  if (typeof name !== 'string') throw notACall(index);
  const call: ToolCall = { type: 'function', function: { name, arguments: parsed(given) ?? {} } };
  return typeof id === 'string' ? { id, ...call } : call;
}

function notACall(index: number): RowError {
  return new RowError('wrong_type', `The call in turn ${index + 1} must be an object with "name" and "arguments".`, {
    turn: index + 1,
    expected: 'object',
    found: 'text',
  });
}

/** JSON text as what it says; anything else as it is. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}
