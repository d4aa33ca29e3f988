import type { ChatMessage, Segment } from '../types.ts';
import { SENTINEL, exactSegments, type AnswerFrame } from './spans.ts';
import { hasBlankEnds, strip, type Program } from './jinja/index.ts';
import type { JinjaTemplate } from './jinja.ts';
import { mayHoldMark, SegmentList, withoutLiteral } from './segments.ts';

/** Rows of a shape that are rendered both ways before the quick one is trusted alone. */
const CHECKED_ROWS = 8;
const MOST_SHAPES = 256;

/** A segment's text with the places where messages go: `texts[0] messages[slots[0]] texts[1] …` */
interface SkeletonPart {
  texts: string[];
  slots: number[];
  supervised: 0 | 1;
}

interface Skeleton {
  parts: SkeletonPart[];
  /** Whether blank text at a message's ends is cut off. */
  trims: boolean;
  checked: number;
}

/**
 * Renders rows of the same shape (roles in the same order) by filling in what the template printed for that shape once;
 * an interpreted template costs some 30 µs a message otherwise.
 *
 * A template prints a message as it is unless it (1) trims it, (2) cuts, escapes, indents or measures it, or (3) looks for
 * something inside it. (1): the shape is probed with blank ends; where they are cut, such rows go the slow way. (2): it is
 * probed with a short and a long text that hold line ends, quotes and brackets, and must come out whole and alike.
 * (3): texts that hold any literal which the template searches for, and empty ones, go the slow way. The first rows of each
 * shape are also rendered both ways and compared.
 */
export class SkeletonRenderer {
  private readonly template: JinjaTemplate;
  private readonly frame: AnswerFrame;
  private readonly eos: string;
  private readonly searched: string[];
  private readonly shapes = new Map<string, Skeleton | null>();
  private enabled = true;

  constructor(template: JinjaTemplate, frame: AnswerFrame, eos: string) {
    this.template = template;
    this.frame = frame;
    this.eos = eos;
    this.searched = searchedLiterals(template.parsed);
  }

  /** @throws RowError template_refused */
  render(messages: ChatMessage[], tools?: unknown[]): Segment[] {
    if (!this.enabled || tools !== undefined || messages.some(hasMore)) return this.exact(messages, tools);
    const skeleton = this.skeletonOf(messages);
    if (skeleton === null || !messages.every(({ content }) => this.isPlain(content, skeleton.trims)))
      return this.exact(messages);
    const quick = fill(skeleton, messages);
    if (skeleton.checked >= CHECKED_ROWS) return quick;
    const exact = this.exact(messages);
    skeleton.checked += 1;
    if (JSON.stringify(quick) !== JSON.stringify(exact)) this.enabled = false;
    return exact;
  }

  private exact(messages: ChatMessage[], tools?: unknown[]): Segment[] {
    return exactSegments(this.template.withTools(tools), this.frame, messages, this.eos);
  }

  private isPlain(content: string, trims: boolean): boolean {
    const shown = trims ? !hasBlankEnds(content) : strip(content, null, true, true) !== '';
    return shown && content !== '' && !this.searched.some((literal) => content.includes(literal));
  }

  private skeletonOf(messages: ChatMessage[]): Skeleton | null {
    let shape = '';
    for (const { role, supervised } of messages) shape += supervised === false ? role[0]!.toUpperCase() : role[0]!;
    const known = this.shapes.get(shape);
    if (known !== undefined) return known;
    if (this.shapes.size >= MOST_SHAPES) return null;
    const skeleton = this.look(messages);
    this.shapes.set(shape, skeleton);
    return skeleton;
  }

  private look(messages: ChatMessage[]): Skeleton | null {
    const parts = this.probe(messages, 'A', 'z');
    if (parts === null) return null;
    const long = this.probe(messages, `A${'lorem "q" <b> \\ {x}\n  '.repeat(200)}`, 'z');
    if (JSON.stringify(long) !== JSON.stringify(parts)) return null;
    const padded = this.probe(messages, '\n A', 'z \n');
    return { parts, trims: JSON.stringify(padded) !== JSON.stringify(parts), checked: 0 };
  }

  /** The skeleton that shows with these beginnings and ends of messages; null when one of them doesn't come out whole. */
  private probe(messages: ChatMessage[], begin: string, end: string): SkeletonPart[] | null {
    const contents = messages.map((_, index) => `${begin}${SENTINEL}${index}${SENTINEL}${end}`);
    let segments: Segment[];
    try {
      segments = withoutLiteral(
        this.exact(messages.map((message, index) => ({ ...message, content: contents[index]! }))),
      );
    } catch {
      return null;
    }
    let next = 0;
    const parts = segments.map(([text, supervised]) => {
      const part: SkeletonPart = { texts: [], slots: [], supervised };
      let at = 0;
      while (next < contents.length) {
        const found = text.indexOf(contents[next]!, at);
        if (found < 0) break;
        part.texts.push(text.slice(at, found));
        part.slots.push(next);
        at = found + contents[next]!.length;
        next += 1;
      }
      part.texts.push(text.slice(at));
      return part;
    });
    const whole =
      next === contents.length && parts.every((part) => part.texts.every((text) => !text.includes('\uE000')));
    return whole ? parts : null;
  }
}

/** Whether a message has more than its text to show. */
function hasMore({ role, reasoning, tool_calls }: ChatMessage): boolean {
  return role === 'tool' || reasoning !== undefined || tool_calls !== undefined;
}

function fill(skeleton: Skeleton, messages: ChatMessage[]): Segment[] {
  const list = new SegmentList();
  for (const { texts, slots, supervised } of skeleton.parts) {
    let text = texts[0]!;
    for (let index = 0; index < slots.length; index++) {
      const { content } = messages[slots[index]!]!;
      if (mayHoldMark(content)) {
        list.add(text, supervised);
        list.addLiteral(content, supervised);
        text = texts[index + 1]!;
      } else {
        text += content + texts[index + 1]!;
      }
    }
    list.add(text, supervised);
  }
  return list.segments;
}

/**
 * Every text literal that the template may look for inside a message: in substring tests, calls, filters and tests. Names of
 * properties, lists to choose from (`role in ['user', …]`) and the words of raise_exception are no such thing.
 */
export function searchedLiterals(program: Program): string[] {
  const found = new Set<string>();
  visit(program, false, found);
  return [...found];
}

interface AstNode {
  type?: string;
  value?: unknown;
  operator?: { value?: string };
  right?: AstNode;
  callee?: AstNode;
  object?: unknown;
  computed?: boolean;
  property?: AstNode;
}

function visit(item: unknown, searching: boolean, found: Set<string>): void {
  if (Array.isArray(item) || item instanceof Map) {
    for (const part of item) visit(part, searching, found);
    return;
  }
  if (typeof item !== 'object' || item === null) return;
  const node = item as AstNode;
  switch (node.type) {
    case 'StringLiteral':
      if (searching && typeof node.value === 'string' && node.value.trim() !== '') found.add(node.value);
      return;
    case 'MemberExpression':
      visit(node.object, searching, found);
      if (node.property?.type !== 'StringLiteral') visit(node.property, searching, found);
      return;
    case 'CallExpression':
      if (node.callee?.type !== 'Identifier' || node.callee.value !== 'raise_exception')
        visitChildren(node, true, found);
      return;
    case 'FilterExpression':
    case 'FilterStatement':
    case 'TestExpression':
      visitChildren(node, true, found);
      return;
    case 'BinaryExpression': {
      const operator = node.operator?.value;
      const list = node.right?.type === 'ArrayLiteral' || node.right?.type === 'TupleLiteral';
      visitChildren(node, searching || ((operator === 'in' || operator === 'not in') && !list), found);
      return;
    }
    default:
      visitChildren(node, searching, found);
  }
}

function visitChildren(node: AstNode, searching: boolean, found: Set<string>): void {
  for (const value of Object.values(node)) visit(value, searching, found);
}
