import { DatasetError, RowError } from '../errors.ts';
import type {
  ChatConversation,
  ChatMessage,
  Conversation,
  DatasetWarning,
  ModelText,
  Segment,
  TemplateChoice,
  TemplateName,
} from '../types.ts';
import { AlpacaTemplate } from './alpaca-template.ts';
import { ModelTemplate, NOT_SHOWN } from './model-template.ts';
import { PlainTemplate } from './plain-template.ts';

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
  /** Names of what a row has and this template leaves out: `messages[].reasoning`, `tools`. */
  notShown(conversation: Conversation): string[];
}

/**
 * Opens the template that a model's rows and chats are written with.
 *
 * @param model the fields of the trainer's `inspect` result
 * @param choice `auto` takes the model's own template, and `alpaca` where it has none or one that can't be used
 * @throws DatasetError template_missing, template_invalid when the model's own was asked for
 */
export function openTemplate(model: ModelText, choice: TemplateChoice = 'auto'): PromptTemplate {
  if (choice === 'alpaca' || choice === 'alpaca-short' || choice === 'plain')
    return other(model, choice, 'asked for', []);
  if (model.chat_template === null || model.chat_template.trim() === '') {
    if (choice === 'model') {
      throw new DatasetError(
        'template_missing',
        'The model file holds no chat template.',
        'Choose the template alpaca, alpaca-short or plain.',
      );
    }
    return other(model, 'alpaca', 'the model file holds no chat template', []);
  }
  try {
    const template = new ModelTemplate(model.chat_template, model);
    return build(
      'model',
      choice === 'model' ? 'asked for' : 'it is embedded in the model file',
      template.warnings,
      model,
      {
        renderRow: ({ messages, tools }) => template.renderRow(messages, tools),
        renderPrompt: ({ messages, tools }) => template.renderPrompt(messages, tools),
        notShown: ({ messages, tools }) => template.notShown(messages, tools),
        marker: template.marker,
      },
    );
  } catch (error) {
    if (choice === 'model' || !(error instanceof DatasetError)) throw error;
    const { code, message, details } = error;
    return other(model, 'alpaca', "the model's own template can't be used", [
      {
        code,
        message,
        hint: 'The template alpaca is used in its place; the export keeps the model file’s own.',
        details,
      },
    ]);
  }
}

type Chat = Pick<ChatConversation, 'messages' | 'alpaca' | 'tools'>;

interface Renderer {
  renderRow(chat: Chat): Segment[];
  renderPrompt(chat: Chat): Segment[];
  notShown(chat: Chat): string[];
  /** What ends an answer besides EOS; empty for nothing. */
  marker: string;
}

/** A template that is Forja's own. */
function other(
  model: ModelText,
  name: 'alpaca' | 'alpaca-short' | 'plain',
  reason: string,
  warnings: DatasetWarning[],
): PromptTemplate {
  const template = name === 'plain' ? new PlainTemplate(model) : new AlpacaTemplate(model, name === 'alpaca');
  const render: Renderer['renderRow'] = ({ messages, alpaca }) => template.render(messages, alpaca);
  const notShown: Renderer['notShown'] = ({ messages, tools }) => [
    ...(messages.some(({ reasoning }) => reasoning !== undefined) ? [NOT_SHOWN.reasoning] : []),
    ...(tools === undefined ? [] : [NOT_SHOWN.tools]),
  ];
  const told = (model.eos_token ?? '') === '' ? [...warnings, NO_EOS] : warnings;
  return build(name, reason, told, model, { renderRow: render, renderPrompt: render, notShown, marker: '' });
}

const NO_EOS: DatasetWarning = {
  code: 'template_without_end_marker',
  message: 'The model file names no end-of-sequence token: nothing is put behind an answer to say that it has ended.',
  hint: 'Answers may run on; use a model file that names its end-of-sequence token.',
  details: { eos_token: '' },
};

function build(
  name: TemplateName,
  reason: string,
  warnings: DatasetWarning[],
  model: ModelText,
  renderer: Renderer,
): PromptTemplate {
  const eos = model.eos_token ?? '';
  const ends = [eos, renderer.marker].filter((end) => end !== '');
  return {
    name,
    reason,
    warnings,
    renderRow: (conversation) =>
      conversation.kind === 'text'
        ? [[endedText(conversation, eos), 1]]
        : renderer.renderRow({ ...conversation, messages: withoutEnds(conversation.messages, ends) }),
    renderPrompt: (messages) => renderer.renderPrompt({ messages }),
    renderRowPrompt: (conversation) => {
      if (conversation.kind === 'text') return [[conversation.text, 0]];
      const { messages } = conversation;
      const last = messages.findLastIndex((message) => message.role === 'assistant');
      if (last < 0) throw new RowError('template_refused', 'The row has no answer.');
      return renderer.renderPrompt({ ...conversation, messages: messages.slice(0, last) });
    },
    notShown: (conversation) => (conversation.kind === 'text' ? [] : renderer.notShown(conversation)),
  };
}

/** A text with EOS behind it, which isn't put twice where the text, but for blanks, ends with it. */
function endedText({ text, continues }: { text: string; continues?: boolean }, eos: string): string {
  return continues === true || (eos !== '' && text.trimEnd().endsWith(eos)) ? text : text + eos;
}

/** Messages whose answers don't end with what ends an answer: the template puts it there, and it isn't to come twice. */
function withoutEnds(messages: ChatMessage[], ends: readonly string[]): ChatMessage[] {
  if (!messages.some((message) => endOf(message, ends) !== undefined)) return messages;
  return messages.map((message) => {
    const end = endOf(message, ends);
    return end === undefined ? message : { ...message, content: message.content.trimEnd().slice(0, -end.length) };
  });
}

function endOf({ role, content }: ChatMessage, ends: readonly string[]): string | undefined {
  return role === 'assistant'
    ? ends.find((end) => content.trimEnd().endsWith(end) && content.trim() !== end)
    : undefined;
}
