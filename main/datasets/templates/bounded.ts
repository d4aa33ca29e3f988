import * as library from '@huggingface/jinja';

/** A node of a parsed template. */
interface Node {
  type: string;
  iterable?: Node;
}

/** A value of a template while it runs. */
interface Value {
  type: string;
  value: unknown;
}

interface LibraryInterpreter {
  evaluate(node: Node | undefined, environment: unknown): Value;
  run(program: { type: string }): { value: string };
}

const { Interpreter } = library as unknown as { Interpreter: new (environment: unknown) => LibraryInterpreter };

/** What a template may do for no input at all: hundreds of times what the longest known one does. */
const BASE = { steps: 1_000_000, chars: 64 * 1024 * 1024, text: 1024 * 1024, items: 100_000 };
/** What each character of the conversation adds to that. */
const FOR_A_CHARACTER = { steps: 2, chars: 400, text: 8, items: 1 };
/** A message counts as this many more. */
const MESSAGE_CHARS = 500;

/**
 * Runs a template, which is a program that came with a file, within limits that grow with the conversation: how many steps it
 * takes, how long its texts are, one by one and all together, and how many items its lists have. The limits count work, not time,
 * so that a row is refused on every machine or on none.
 */
export class BoundedInterpreter extends Interpreter {
  private steps = 0;
  private chars = 0;
  private readonly most: typeof BASE;
  private readonly loops = new WeakSet<Node>();
  private readonly weights = new WeakMap<object, number>();

  /** @param messages the conversation that the limits grow with */
  constructor(environment: unknown, messages: readonly { content: string }[]) {
    super(environment);
    const chars = messages.reduce((sum, { content }) => sum + content.length + MESSAGE_CHARS, 0);
    const most = (what: keyof typeof BASE) => BASE[what] + FOR_A_CHARACTER[what] * chars;
    this.most = { steps: most('steps'), chars: most('chars'), text: most('text'), items: most('items') };
  }

  /** @throws Error with the limit that was passed, besides the template's own errors */
  override evaluate(node: Node | undefined, environment: unknown): Value {
    this.spend(1);
    if (node?.iterable !== undefined) this.loops.add(node.iterable);
    const value = super.evaluate(node, environment);
    if (typeof value.value === 'string') {
      this.chars += value.value.length;
      if (value.value.length > this.most.text || this.chars > this.most.chars) throw tooMuch('text');
    } else if (Array.isArray(value.value)) {
      const items = value.value.length;
      this.weigh(value);
      // A turn of a loop costs more than a step even where its body is empty; a list that is only looked into costs little.
      this.spend(node !== undefined && this.loops.has(node) ? 2 * items : items / 64);
    } else if (value.type === 'ObjectValue') {
      this.weigh(value);
    }
    return value;
  }

  private spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.most.steps) throw tooMuch('work');
  }

  /** Items of a list and of all lists in it: one that holds another twice holds its items twice. */
  private weigh(value: Value): number {
    const known = this.weights.get(value);
    if (known !== undefined) return known;
    // A list within itself can't be made but through a namespace, which is not weighed.
    this.weights.set(value, 1);
    let weight = 1;
    const inner: Iterable<unknown> = Array.isArray(value.value)
      ? value.value
      : value.value instanceof Map
        ? value.value.values()
        : [];
    for (const item of inner) {
      weight += isCollection(item) ? this.weigh(item) : 1;
      if (weight > this.most.items) throw tooMuch('lists');
    }
    this.weights.set(value, weight);
    return weight;
  }
}

/** The numbers of Jinja's range(). @throws Error when there are more than any template needs */
export function range(from: number, to?: number, step = 1): number[] {
  const [start, stop] = to === undefined ? [0, from] : [from, to];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= BASE.items)) throw tooMuch('lists');
  return Array.from({ length }, (_, index) => start + index * step);
}

function isCollection(item: unknown): item is Value {
  const type = (item as Value | null)?.type;
  return type === 'ArrayValue' || type === 'TupleValue' || type === 'ObjectValue';
}

function tooMuch(what: 'work' | 'text' | 'lists'): Error {
  const reasons = {
    work: 'it takes far more steps than a chat template should, and was stopped',
    text: 'it makes far more text than a chat template should, and was stopped',
    lists: 'it makes far longer lists than a chat template should, and was stopped',
  };
  return new Error(reasons[what]);
}
