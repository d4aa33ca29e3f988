/** Reading a template: @huggingface/jinja's tokenizer and parser, with what they lack put into words that they know. */
import * as library from '@huggingface/jinja';

/** A parsed template: the syntax tree's root. */
export interface Program {
  type: string;
}

/** One kind of node for all; which fields there are follows from its type. */
export interface Node {
  type: string;
  value?: unknown;
  body?: Node[];
  test?: Node;
  alternate?: Node[];
  loopvar?: Node;
  iterable?: Node;
  defaultBlock?: Node[];
  assignee?: Node;
  name?: Node;
  args?: Node[];
  callee?: Node;
  call?: Node;
  callerArgs?: Node[] | null;
  object?: Node;
  property?: Node;
  computed?: boolean;
  operator?: { value: string };
  left?: Node;
  right?: Node;
  operand?: Node;
  argument?: Node;
  filter?: Node;
  negate?: boolean;
  lhs?: Node;
  condition?: Node;
  trueExpr?: Node;
  falseExpr?: Node;
  start?: Node;
  stop?: Node;
  step?: Node;
  key?: Node;
}

interface Token {
  value: string;
  type: string;
}

/** The part of the library that is used; its own declarations lack file extensions, which Node's resolution needs. */
interface JinjaLibrary {
  tokenize: (source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }) => Token[];
  parse: (tokens: Token[]) => Program;
}

const { parse, tokenize } = library as unknown as JinjaLibrary;

/** How a test with arguments is written as a filter; a name that no template can have. */
export const TEST_FILTER = /^is (not )?(.+)$/;

/** @throws Error in the library's words when the text is no template */
export function parseTemplate(source: string): Program {
  return parse(testsWithArguments(tokenize(source, { lstrip_blocks: true, trim_blocks: true })));
}

const NO_ARGUMENT = new Set(['and', 'or', 'else', 'if', 'in', 'is', 'not']);

/** The parser knows tests without arguments only: `x is divisibleby(2)` and `x is divisibleby 2` become filters with a name of ours. */
function testsWithArguments(tokens: Token[]): Token[] {
  const result: Token[] = [];
  const isName = (token: Token | undefined, name?: string) =>
    token?.type === 'Identifier' && (name === undefined || token.value === name);
  for (let at = 0; at < tokens.length; at++) {
    const negated = isName(tokens[at + 1], 'not');
    const test = tokens[at + (negated ? 2 : 1)];
    const after = tokens[at + (negated ? 3 : 2)];
    const takesOne =
      after?.type === 'StringLiteral' ||
      after?.type === 'NumericLiteral' ||
      (isName(after) && !NO_ARGUMENT.has(after!.value));
    if (!isName(tokens[at], 'is') || !isName(test) || !(after?.type === 'OpenParen' || takesOne)) {
      result.push(tokens[at]!);
      continue;
    }
    result.push(
      { value: '|', type: 'Pipe' },
      { value: `is ${negated ? 'not ' : ''}${test!.value}`, type: 'Identifier' },
    );
    at += negated ? 2 : 1;
    if (!takesOne) continue;
    result.push({ value: '(', type: 'OpenParen' }, after!, { value: ')', type: 'CloseParen' });
    at += 1;
  }
  return result;
}
