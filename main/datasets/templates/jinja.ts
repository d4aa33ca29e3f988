import { DatasetError, RowError } from '../errors.ts';
import type { ChatMessage, ModelText } from '../types.ts';
import { fromJson, globalNames, Limits, parseTemplate, runTemplate, type Program } from './jinja/index.ts';

/** A message counts as this many more characters towards what a rendering may take. */
const MESSAGE_CHARS = 500;

/** What an answer's thoughts are called in templates. */
export const REASONING_KEYS = ['reasoning_content', 'reasoning', 'thinking'] as const;

/** How a template takes what not every conversation has; found out by trying. */
export interface TemplateDialect {
  /** The name of an answer's thoughts; null where they are not shown. */
  reasoning_key: (typeof REASONING_KEYS)[number] | null;
  /** How a call's arguments are given; null where calls are not shown. */
  call_arguments: 'object' | 'text' | null;
  shows_tools: boolean;
}

/**
 * The Jinja template of a model, as a function of messages.
 *
 * BOS: what the template prints stays in the text. Trainer and chat put a BOS token first where the vocabulary wants one and
 * the text doesn't begin with it, so it never comes twice. Cutting it here would break models such as SmolLM2, which adds
 * none and whose BOS is the `<|im_start|>` that opens each turn.
 */
export class JinjaTemplate {
  readonly parsed: Program;
  private readonly bos: string;
  private readonly eos: string;

  dialect: TemplateDialect = { reasoning_key: null, call_arguments: null, shows_tools: false };
  private readonly date: Date;
  private readonly tools: unknown[] | null;

  /**
   * @param tools what the template is told of tools where there are none: most expect null, some an empty list
   * @throws DatasetError template_invalid
   */
  constructor(source: string, model: ModelText, tools: unknown[] | null) {
    this.tools = tools;
    this.date = model.date ?? new Date();
    this.bos = model.bos_token ?? '';
    this.eos = model.eos_token ?? '';
    try {
      this.parsed = parseTemplate(source);
    } catch (error) {
      throw templateInvalid((error as Error).message);
    }
  }

  /** The same template for conversations in which these tools are there; itself without any. */
  withTools(tools: unknown[] | undefined): this {
    if (tools === undefined) return this;
    return Object.assign(Object.create(JinjaTemplate.prototype) as this, this, { tools });
  }

  /** What a rendering may take grows with what it is given. */
  private limits(messages: ChatMessage[]): Limits {
    const sizes = messages.map(({ content, reasoning, tool_calls }) => {
      const calls = tool_calls === undefined ? 0 : JSON.stringify(tool_calls).length;
      return content.length + (reasoning?.length ?? 0) + calls + MESSAGE_CHARS;
    });
    const tools = this.tools === null ? 0 : JSON.stringify(this.tools).length;
    return new Limits(sizes.reduce((sum, size) => sum + size, tools));
  }

  /** @throws RowError template_refused, with the template's own words */
  render(messages: ChatMessage[], add_generation_prompt: boolean): string {
    try {
      const names = globalNames(this.date);
      const given = {
        messages: messages.map((message) => toTemplateMessage(message, this.dialect)),
        add_generation_prompt,
        bos_token: this.bos,
        eos_token: this.eos,
        tools: this.tools,
        documents: null,
      };
      for (const [name, value] of Object.entries(given)) names.set(name, fromJson(value));
      return runTemplate(this.parsed, names, this.limits(messages));
    } catch (error) {
      throw new RowError(
        'template_refused',
        `The model's chat template refuses this conversation: ${(error as Error).message}`,
        { reason: (error as Error).message },
      );
    }
  }
}

/** A message under the names that templates have for its parts. */
function toTemplateMessage(message: ChatMessage, dialect: TemplateDialect): Record<string, unknown> {
  const { role, content, reasoning, tool_calls, name, tool_call_id } = message;
  const out: Record<string, unknown> = { role, content };
  if (reasoning !== undefined && dialect.reasoning_key !== null) out[dialect.reasoning_key] = reasoning;
  if (tool_calls !== undefined) {
    const isText = dialect.call_arguments === 'text';
    out['tool_calls'] = tool_calls.map((call) => {
      const { name: called, arguments: given } = call.function;
      const written = isText && typeof given !== 'string' ? JSON.stringify(given) : given;
      return { ...call, function: { name: called, arguments: written } };
    });
  }
  if (name !== undefined) out['name'] = name;
  if (tool_call_id !== undefined) out['tool_call_id'] = tool_call_id;
  return out;
}

export function templateInvalid(reason: string): DatasetError {
  return new DatasetError(
    'template_invalid',
    `The model's chat template can't be used: ${reason}`,
    'Choose the template alpaca, alpaca-short or plain.',
    { reason },
  );
}
