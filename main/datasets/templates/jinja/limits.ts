import { Generator, TemplateError, type Value } from './values.ts';

/** What a template may do for no input at all: hundreds of times what the longest known one does. */
const BASE = { steps: 1_000_000, chars: 64 * 1024 * 1024, text: 1024 * 1024, items: 100_000 };
/** What each character of the conversation adds to that. */
const FOR_A_CHARACTER = { steps: 2, chars: 400, text: 8, items: 1 };

/** As many numbers as a range may have, also in jinja2's sandbox. */
export const MOST_IN_RANGE = BASE.items;

/**
 * What a template, which is a program that came with a file, may still do: how many steps it takes, how long its texts are, one by
 * one and all together, and how many items its lists have. The limits grow with the conversation and count work, not time, so that
 * a row is refused on every machine or on none.
 */
export class Limits {
  private steps = 0;
  private chars = 0;
  private readonly most: typeof BASE;
  private readonly weights = new WeakMap<object, number>();

  /** @param chars the length of the conversation that the limits grow with */
  constructor(chars: number) {
    const most = (what: keyof typeof BASE) => BASE[what] + FOR_A_CHARACTER[what] * chars;
    this.most = { steps: most('steps'), chars: most('chars'), text: most('text'), items: most('items') };
  }

  /** @throws TemplateError */
  spend(steps: number): void {
    this.steps += steps;
    if (this.steps > this.most.steps) throw tooMuch('work');
  }

  /** Counts a value that was made. @throws TemplateError */
  count(value: Value): Value {
    if (typeof value === 'string') {
      this.chars += value.length;
      if (value.length > this.most.text || this.chars > this.most.chars) throw tooMuch('text');
    } else if (Array.isArray(value)) {
      this.weigh(value);
      // A list that is only looked into costs little.
      this.spend(value.length / 64);
    } else if (value instanceof Map) {
      this.weigh(value);
    } else if (value instanceof Generator) {
      this.spend(value.size / 64);
    }
    return value;
  }

  /** Items of a list and of all lists in it: one that holds another twice holds its items twice. */
  private weigh(value: Value[] | Map<Value, Value>): number {
    const known = this.weights.get(value);
    if (known !== undefined) return known;
    // A list within itself can't be made but through a namespace, which is not weighed.
    this.weights.set(value, 1);
    let weight = 1;
    for (const item of value.values()) {
      weight += Array.isArray(item) || item instanceof Map ? this.weigh(item) : 1;
      if (weight > this.most.items) throw tooMuch('lists');
    }
    this.weights.set(value, weight);
    return weight;
  }
}

export function tooMuch(what: 'work' | 'text' | 'lists'): TemplateError {
  const reasons = {
    work: 'it takes far more steps than a chat template should, and was stopped',
    text: 'it makes far more text than a chat template should, and was stopped',
    lists: 'it makes far longer lists than a chat template should, and was stopped',
  };
  return new TemplateError(reasons[what]);
}
