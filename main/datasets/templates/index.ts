import { DatasetError, RowError } from '../errors.ts';
import type {
  ChatMessage,
  Conversation,
  DatasetWarning,
  ModelText,
  Segment,
  TemplateChoice,
  TemplateName,
} from '../types.ts';
import { AlpacaTemplate } from './alpaca-template.ts';
import { ModelTemplate } from './model-template.ts';

/** Turns conversations into text, the same way for training and for chat. */
export interface PromptTemplate {
  name: TemplateName;
  /** Why this template was taken, in a sentence. */
  reason: string;
  /** What was found out about the template, e.g. that it takes no system message. */
  warnings: DatasetWarning[];
  /**
   * A row as the model will see it, each answer with its end-of-turn marker supervised; plain text is supervised as a whole.
   * @throws RowError template_refused when the template doesn't take this conversation
   */
  renderRow(conversation: Conversation): Segment[];
  /**
   * What comes before an answer, as `renderRow` has it. Who tokenises it adds BOS where the vocabulary wants one and it is missing.
   * @throws RowError template_refused
   */
  renderPrompt(messages: ChatMessage[]): Segment[];
  /**
   * The prompt of a row read from a dataset: all of it before its last answer.
   * @throws RowError template_refused
   */
  renderRowPrompt(conversation: Conversation): Segment[];
}

/**
 * Opens the template that a model's rows and chats are written with.
 *
 * @param model the fields of the trainer's `inspect` result
 * @param choice `auto` takes the model's own template, and `alpaca` where it has none or one that can't be used
 * @throws DatasetError template_missing, template_invalid when the model's own was asked for
 */
export function openTemplate(model: ModelText, choice: TemplateChoice = 'auto'): PromptTemplate {
  if (choice === 'alpaca' || choice === 'alpaca-short') return alpaca(model, choice, 'asked for', []);
  if (model.chat_template === null || model.chat_template.trim() === '') {
    if (choice === 'model') {
      throw new DatasetError(
        'template_missing',
        'The model file holds no chat template.',
        'Choose the template alpaca or alpaca-short.',
      );
    }
    return alpaca(model, 'alpaca', 'the model file holds no chat template', []);
  }
  try {
    const template = new ModelTemplate(model.chat_template, model);
    return build(
      'model',
      choice === 'model' ? 'asked for' : 'it is embedded in the model file',
      template.warnings,
      model,
      {
        renderRow: (messages) => template.renderRow(messages),
        renderPrompt: (messages) => template.renderPrompt(messages),
      },
    );
  } catch (error) {
    if (choice === 'model' || !(error instanceof DatasetError)) throw error;
    const { code, message, details } = error;
    return alpaca(model, 'alpaca', "the model's own template can't be used", [
      {
        code,
        message,
        hint: 'The template alpaca is used in its place; the export keeps the model file’s own.',
        details,
      },
    ]);
  }
}

type Alpaca = Extract<Conversation, { kind: 'chat' }>['alpaca'];

interface Renderer {
  renderRow(messages: ChatMessage[], alpaca?: Alpaca): Segment[];
  renderPrompt(messages: ChatMessage[], alpaca?: Alpaca): Segment[];
}

function alpaca(
  model: ModelText,
  name: 'alpaca' | 'alpaca-short',
  reason: string,
  warnings: DatasetWarning[],
): PromptTemplate {
  const template = new AlpacaTemplate(model, name === 'alpaca');
  const render: Renderer['renderRow'] = (messages, parts) => template.render(messages, parts);
  return build(name, reason, warnings, model, { renderRow: render, renderPrompt: render });
}

function build(
  name: TemplateName,
  reason: string,
  warnings: DatasetWarning[],
  model: ModelText,
  renderer: Renderer,
): PromptTemplate {
  return {
    name,
    reason,
    warnings,
    renderRow: (conversation) =>
      conversation.kind === 'text'
        ? [[conversation.continues === true ? conversation.text : conversation.text + (model.eos_token ?? ''), 1]]
        : renderer.renderRow(conversation.messages, conversation.alpaca),
    renderPrompt: (messages) => renderer.renderPrompt(messages),
    renderRowPrompt: (conversation) => {
      if (conversation.kind === 'text') return [[conversation.text, 0]];
      const { messages } = conversation;
      const last = messages.findLastIndex((message) => message.role === 'assistant');
      if (last < 0) throw new RowError('template_refused', 'The row has no answer.');
      return renderer.renderPrompt(messages.slice(0, last), conversation.alpaca);
    },
  };
}
