import { RowError } from '../errors.ts';
import type { ChatMessage, DatasetWarning, ModelText, Segment } from '../types.ts';
import { JinjaTemplate, templateInvalid } from './jinja.ts';
import { SkeletonRenderer } from './skeleton.ts';
import { findFrame, SENTINEL, type AnswerFrame } from './spans.ts';

/** The chat template embedded in a model, made to take any conversation that it can. */
export class ModelTemplate {
  readonly warnings: DatasetWarning[] = [];
  private readonly jinja: JinjaTemplate;
  private readonly rows: SkeletonRenderer;
  private readonly foldsSystem: boolean;

  /** @throws DatasetError template_invalid when it doesn't parse or doesn't show a simple conversation */
  constructor(source: string, model: ModelText) {
    this.jinja = new JinjaTemplate(source, model);
    const frame = frameOf(this.jinja);
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
    this.rows = new SkeletonRenderer(this.jinja, frame, eos);
  }

  /** @throws RowError template_refused */
  renderRow(messages: ChatMessage[]): Segment[] {
    return this.rows.render(this.folded(messages));
  }

  /** @throws RowError template_refused */
  renderPrompt(messages: ChatMessage[]): string {
    return this.jinja.render(this.folded(messages), true);
  }

  private folded(messages: ChatMessage[]): ChatMessage[] {
    const [system, user, ...rest] = messages;
    if (!this.foldsSystem || system?.role !== 'system') return messages;
    if (user?.role !== 'user')
      throw new RowError(
        'template_refused',
        'The system message has no user message after it that could carry its text.',
      );
    return [{ role: 'user', content: `${system.content}\n\n${user.content}` }, ...rest];
  }
}

function frameOf(jinja: JinjaTemplate): AnswerFrame {
  let frame: AnswerFrame | null;
  try {
    frame = findFrame(jinja);
  } catch (error) {
    if (error instanceof RowError) throw templateInvalid(error.message);
    throw error;
  }
  if (frame === null) throw templateInvalid('it does not show the messages of a simple conversation.');
  return frame;
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
