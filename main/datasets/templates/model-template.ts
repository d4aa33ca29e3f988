import { RowError } from '../errors.ts';
import type { ChatMessage, DatasetWarning, ModelText, Segment } from '../types.ts';
import { findDialect } from './dialect.ts';
import { JinjaTemplate, templateInvalid } from './jinja.ts';
import { SkeletonRenderer } from './skeleton.ts';
import { findFrame, promptAsTrained, promptSegments, SENTINEL, type AnswerFrame } from './spans.ts';

/** The chat template embedded in a model, made to take any conversation that it can. */
export class ModelTemplate {
  readonly warnings: DatasetWarning[] = [];
  private readonly jinja: JinjaTemplate;
  private readonly rows: SkeletonRenderer;
  private readonly frame: AnswerFrame;
  private readonly foldsSystem: boolean;

  /** @throws DatasetError template_invalid when it doesn't parse or doesn't show a simple conversation */
  constructor(source: string, model: ModelText) {
    const { jinja, frame } = open(source, model);
    this.jinja = jinja;
    this.jinja.dialect = findDialect(jinja);
    this.frame = frame;
    const eos = model.eos_token ?? '';
    this.foldsSystem = !takesSystem(this.jinja);
    if (this.foldsSystem) {
      this.warnings.push({
        code: 'template_without_system',
        message:
          "The model's chat template takes no system message: system texts are put before the first user message.",
        hint: 'Nothing to do; chat and export do the same.',
        details: {},
      });
    }
    if (frame.marker === '') {
      this.warnings.push({
        code: 'template_without_end_marker',
        message: `The model's chat template ends answers with no marker: ${eos === '' ? 'none is known' : `"${eos}" is put`} after the last answer of a row.`,
        hint: 'If answers run on, try the template alpaca.',
        details: { eos_token: eos },
      });
    }
    if (frame.opensThought) {
      this.warnings.push({
        code: 'template_opens_thought',
        message:
          "The model's chat template opens a thought before each answer, and these rows are learned without one.",
        hint: 'Chat here asks without a thought, as in training; switch thinking off in other programs.',
        details: {},
      });
    }
    this.rows = new SkeletonRenderer(this.jinja, frame, eos);
  }

  /** The end-of-turn marker behind answers; empty when the template has none. */
  get marker(): string {
    return this.frame.marker;
  }

  /** @throws RowError template_refused, unsupported_content */
  renderRow(messages: ChatMessage[], tools?: unknown[]): Segment[] {
    if (this.jinja.dialect.call_arguments === null) refuseCalls(messages);
    return this.rows.render(this.folded(messages), tools);
  }

  /** @throws RowError template_refused */
  renderPrompt(messages: ChatMessage[], tools?: unknown[]): Segment[] {
    const turns = this.folded(messages);
    const jinja = this.jinja.withTools(tools);
    return this.frame.opensThought ? promptAsTrained(jinja, this.frame, turns) : promptSegments(jinja, turns);
  }

  /** What of a conversation the template leaves out. */
  notShown(messages: ChatMessage[], tools?: unknown[]): string[] {
    const { reasoning_key, shows_tools } = this.jinja.dialect;
    const names: string[] = [];
    if (reasoning_key === null && messages.some(({ reasoning }) => reasoning !== undefined))
      names.push(NOT_SHOWN.reasoning);
    if (!shows_tools && tools !== undefined) names.push(NOT_SHOWN.tools);
    return names;
  }

  private folded(messages: ChatMessage[]): ChatMessage[] {
    const [system, user, ...rest] = messages;
    if (!this.foldsSystem || system?.role !== 'system') return messages;
    if (system.content === '') return messages.slice(1);
    if (user?.role !== 'user')
      throw new RowError(
        'template_refused',
        'The system message has no user message after it that could carry its text.',
      );
    return [{ role: 'user', content: `${system.content}\n\n${user.content}` }, ...rest];
  }
}

/** Names of what a template may leave out, as the audit lists them. */
export const NOT_SHOWN = { reasoning: 'messages[].reasoning', tools: 'tools' } as const;

/** @throws RowError unsupported_content for calls of tools, which the template leaves out */
export function refuseCalls(messages: ChatMessage[]): void {
  const turn = messages.findIndex(({ tool_calls }) => tool_calls !== undefined);
  if (turn < 0) return;
  throw new RowError('unsupported_content', `Turn ${turn + 1} calls tools, and the template shows no calls.`, {
    turn: turn + 1,
    part: 'tool_calls',
  });
}

/** Opens a template in the first of the ways in which it shows a simple conversation. @throws DatasetError template_invalid */
function open(source: string, model: ModelText): { jinja: JinjaTemplate; frame: AnswerFrame } {
  let refusal = '';
  for (const tools of [null, [] as []]) {
    const jinja = new JinjaTemplate(source, model, tools);
    try {
      const frame = findFrame(jinja);
      if (frame !== null) return { jinja, frame };
      refusal ||= 'it does not show the messages of a simple conversation.';
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      refusal ||= error.message;
    }
  }
  throw templateInvalid(refusal);
}

function takesSystem(jinja: JinjaTemplate): boolean {
  const text = `${SENTINEL}s`;
  try {
    const turns: ChatMessage[] = [
      { role: 'system', content: text },
      { role: 'user', content: 'u' },
      { role: 'assistant', content: 'a' },
    ];
    return jinja.render(turns, false).includes(text);
  } catch (error) {
    if (error instanceof RowError) return false;
    throw error;
  }
}
