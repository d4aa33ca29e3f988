import { basename, dirname, join } from 'node:path';

/** What of a prompt template is needed; main/datasets has them. */
export interface TurnRenderer {
  renderPrompt(messages: Message[]): Piece[];
  renderRow(conversation: { kind: 'chat'; messages: Message[] }): Piece[];
}

interface Message {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

type Piece = [text: string, supervised: 0 | 1, literal?: 1];

/** Texts that no template has. */
const [SYSTEM, USER, ANSWER, NEXT] = [
  '\u{e000}system\u{e001}',
  '\u{e000}user\u{e001}',
  '\u{e000}answer\u{e001}',
  '\u{e000}next\u{e001}',
];

/** The parts of a template's turns, in the order in which they come. */
export interface TurnParts {
  before_system: string;
  after_system: string;
  before_user: string;
  after_user: string;
  after_answer: string;
  /** The system text of a conversation that gives none; empty when there is none. */
  default_system: string;
}

/**
 * Takes a template apart by looking at what it makes of a few conversations.
 * @param bos_token left out where it only opens the text: Ollama puts it there itself
 * @returns null when its turns are not made of fixed parts
 */
export function takeApart(template: TurnRenderer, bos_token: string | null): TurnParts | null {
  try {
    const whole = textOf(
      template.renderRow({
        kind: 'chat',
        messages: [
          { role: 'user', content: USER },
          { role: 'assistant', content: ANSWER },
          { role: 'user', content: NEXT },
          { role: 'assistant', content: ANSWER },
        ],
      }),
    );
    const asked = textOf(template.renderPrompt([{ role: 'user', content: USER }]));
    const [opening, afterUser] = splitOnce(asked, USER);
    const turn = between(whole, ANSWER, NEXT);
    const row = template.renderRow({
      kind: 'chat',
      messages: [
        { role: 'user', content: USER },
        { role: 'assistant', content: ANSWER },
      ],
    });
    const end = splitOnce(textOf(row), ANSWER)[1];
    const learned = textOf(row.filter(([, supervised]) => supervised === 1));
    const marker = splitOnce(learned, ANSWER)[1];
    // After the last answer comes what comes after every answer; the rest up to the next question opens it.
    const after_answer = turn.startsWith(end) ? end : marker;
    if (!turn.startsWith(after_answer)) return null;
    const before_user = turn.slice(after_answer.length);
    if (!opening.endsWith(before_user)) return null;
    const head = opening.slice(0, opening.length - before_user.length);
    const system = systemParts(template, before_user);
    if (system === null)
      return {
        before_system: '',
        after_system: '',
        before_user,
        after_user: afterUser,
        after_answer,
        default_system: '',
      };
    const [before, after] = system;
    const isDefault = head.length > before.length + after.length && head.startsWith(before) && head.endsWith(after);
    const bos = bos_token ?? '';
    const dropsBos = bos !== '' && before.startsWith(bos) && !before_user.startsWith(bos);
    return {
      before_system: dropsBos ? before.slice(bos.length) : before,
      after_system: after,
      before_user,
      after_user: afterUser,
      after_answer,
      default_system: isDefault ? head.slice(before.length, head.length - after.length) : '',
    };
  } catch {
    // A template that refuses such conversations, or that moves their texts about.
    return null;
  }
}

/**
 * An Ollama Modelfile for a merged model: FROM the file beside it, and the prompt as it was trained.
 * @param gguf_path the merged file, which must lie in the Modelfile's folder
 * @param system_prompt what the rows tell the model first; null where they don't, or not all the same
 */
export function modelfile(gguf_path: string, parts: TurnParts | null, system_prompt: string | null = null): string {
  const lines = [
    `# ollama create ${nameOf(gguf_path)} -f ${nameOf(gguf_path)}.Modelfile`,
    `FROM ./${basename(gguf_path)}`,
  ];
  if (parts === null) {
    lines.push("# Ollama takes the chat template that is in the model file: this one's turns have no fixed parts.");
  } else {
    const { before_system, after_system, before_user, after_user, after_answer } = parts;
    const system =
      before_system === '' && after_system === ''
        ? ''
        : `{{ if .System }}${before_system}{{ .System }}${after_system}{{ end }}`;
    lines.push(
      `TEMPLATE ${quoted(`${system}{{ if .Prompt }}${before_user}{{ .Prompt }}${after_user}{{ end }}{{ .Response }}${after_answer}`)}`,
    );
    const stop = after_answer.trim();
    if (stop !== '' && !stop.includes('"')) lines.push(`PARAMETER stop "${stop}"`);
  }
  const told = system_prompt ?? parts?.default_system ?? '';
  // Nothing stands for three quotes in a Modelfile.
  if (told.includes('"""'))
    lines.push('# The system prompt of the training rows has three quotes in it: set it by hand.');
  else if (told !== '') lines.push(`SYSTEM ${quoted(told)}`);
  return `${lines.join('\n')}\n`;
}

/** Where the Modelfile of a merged model lies: beside it, under its name. */
export function modelfilePath(gguf_path: string): string {
  return join(dirname(gguf_path), `${nameOf(gguf_path)}.Modelfile`);
}

const nameOf = (path: string) => basename(path).replace(/\.gguf$/i, '');

const quoted = (text: string) => `"""${text}"""`;

/** What comes before and after a system text, before the first question. */
function systemParts(template: TurnRenderer, before_user: string): [string, string] | null {
  try {
    const text = textOf(
      template.renderPrompt([
        { role: 'system', content: SYSTEM },
        { role: 'user', content: USER },
      ]),
    );
    const [before, rest] = splitOnce(text, SYSTEM);
    const after = splitOnce(rest, USER)[0];
    return after.endsWith(before_user) ? [before, after.slice(0, after.length - before_user.length)] : null;
  } catch {
    return null;
  }
}

const textOf = (pieces: Piece[]) => pieces.map(([text]) => text).join('');

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error('The template leaves a text out.');
  return [text.slice(0, at), text.slice(at + mark.length)];
}

function between(text: string, from: string, to: string): string {
  return splitOnce(splitOnce(text, from)[1], to)[0];
}
