import * as library from '@huggingface/jinja';
import { DatasetError, RowError } from '../errors.ts';
import type { ChatMessage, ModelText } from '../types.ts';
import { BoundedInterpreter, range } from './bounded.ts';

/** A parsed template: the syntax tree's root. */
export interface Program {
  type: string;
}

interface JinjaEnvironment {
  set(name: string, value: unknown): void;
}

/** The part of the library that is used; its own declarations lack file extensions, which Node's resolution needs. */
interface JinjaLibrary {
  tokenize: (source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }) => unknown;
  parse: (tokens: unknown) => Program;
  Environment: new () => JinjaEnvironment;
}

const { Environment, parse, tokenize } = library as unknown as JinjaLibrary;

/** A date for templates that print today's, so that the same row gives the same tokens on any day. */
const FIXED_DATE: Record<string, string> = {
  '%d %b %Y': '26 Jul 2024',
  '%Y-%m-%d': '2024-07-26',
  '%B %d, %Y': 'July 26, 2024',
};

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

  private readonly tools: [] | null;

  /**
   * @param tools what the template is told of tools, of which there are never any: most expect null, some an empty list
   * @throws DatasetError template_invalid
   */
  constructor(source: string, model: ModelText, tools: [] | null) {
    this.tools = tools;
    this.bos = model.bos_token ?? '';
    this.eos = model.eos_token ?? '';
    try {
      this.parsed = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      throw templateInvalid((error as Error).message);
    }
  }

  /** @throws RowError template_refused, with the template's own words */
  render(messages: ChatMessage[], add_generation_prompt: boolean): string {
    try {
      const environment = newEnvironment();
      environment.set(
        'messages',
        messages.map(({ role, content }) => ({ role, content })),
      );
      environment.set('add_generation_prompt', add_generation_prompt);
      environment.set('bos_token', this.bos);
      environment.set('eos_token', this.eos);
      environment.set('tools', this.tools);
      return new BoundedInterpreter(environment, messages).run(this.parsed).value;
    } catch (error) {
      throw new RowError(
        'template_refused',
        `The model's chat template refuses this conversation: ${(error as Error).message}`,
        { reason: (error as Error).message },
      );
    }
  }
}

export function templateInvalid(reason: string): DatasetError {
  return new DatasetError(
    'template_invalid',
    `The model's chat template can't be used: ${reason}`,
    'Choose the template alpaca or alpaca-short.',
    { reason },
  );
}

/** What chat templates may call. The library's own Template sets the same, with a strftime_now that can't be replaced. */
function newEnvironment(): JinjaEnvironment {
  const environment = new Environment();
  for (const [name, value] of Object.entries({
    true: true,
    True: true,
    false: false,
    False: false,
    none: null,
    None: null,
  })) {
    environment.set(name, value);
  }
  environment.set('raise_exception', (message: string) => {
    throw new Error(message);
  });
  environment.set('range', range);
  environment.set('strftime_now', (format: string) => FIXED_DATE[format] ?? '2024-07-26');
  return environment;
}
