import type { Message, Role } from './turns.ts';

/** A conversation of each kind that rows and chats have; each ends where an answer is asked for. */
export interface Shape {
  name: string;
  messages: Message[];
}

const of = (...messages: [Role, string][]): Message[] => messages.map(([role, content]) => ({ role, content }));

/** What a TEMPLATE is tried on before it is written. */
export const SHAPES: readonly Shape[] = [
  { name: 'one question', messages: of(['user', 'Hi']) },
  { name: 'a system text', messages: of(['system', 'Be brief.'], ['user', 'Hi']) },
  { name: 'an empty system text', messages: of(['system', ''], ['user', 'Hi']) },
  { name: 'two turns', messages: of(['user', 'One?'], ['assistant', 'First.'], ['user', 'Two?']) },
  {
    name: 'a system text and three turns',
    messages: of(
      ['system', 'You count.'],
      ['user', '1'],
      ['assistant', 'one'],
      ['user', '2'],
      ['assistant', 'two'],
      ['user', '3'],
    ),
  },
  { name: 'an answer first', messages: of(['assistant', 'Welcome.'], ['user', 'Hi']) },
  {
    name: 'a system text and an answer first',
    messages: of(
      ['system', 'Be brief.'],
      ['assistant', 'Welcome.'],
      ['user', 'Hi'],
      ['assistant', 'Yes?'],
      ['user', 'Go'],
    ),
  },
  { name: 'two questions in a row', messages: of(['user', 'One.'], ['user', 'Two.']) },
  {
    name: 'two answers in a row',
    messages: of(['user', 'Say two.'], ['assistant', 'One.'], ['assistant', 'Two.'], ['user', 'And?']),
  },
  {
    name: 'other scripts',
    messages: of(
      ['system', '¿Ñandú? 模型'],
      ['user', 'e\u0301 👩🏽‍💻 \u202eabc'],
      ['assistant', 'مرحبا "\\n" {{ x }}'],
      ['user', 'ß\u0000\u{1d11e}'],
    ),
  },
  {
    name: 'blanks at both ends',
    messages: of(
      ['system', ' \n Be brief.\t\n'],
      ['user', '\n\n  Hi \n'],
      ['assistant', '  def f():\n    pass\n'],
      ['user', '\u00a0\u3000More?\u2003'],
    ),
  },
  {
    name: 'line ends at both ends',
    messages: of(['system', '\nBe brief.\n'], ['user', '\nHi\n'], ['assistant', '\n\nYes\n\n'], ['user', '\nMore?\n']),
  },
];
