/** Random choices that follow from two numbers alone, the same on every machine. */
export class Dice {
  private state: number;

  constructor(seed: number, index: number) {
    this.state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0;
  }

  /** A whole number of 32 bits. Source: Steele and others' SplitMix, in its 32-bit form. */
  next(): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  }

  /** Below n; 0 where n is 0. */
  below(n: number): number {
    return n <= 0 ? 0 : this.next() % n;
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** Changes a text: pieces doubled, moved, cut out; one of `words` put in. */
export function mutateText(text: string, words: readonly string[], dice: Dice): string {
  const at = dice.below(text.length + 1);
  const length = dice.below(Math.min(text.length - at, dice.oneIn(4) ? 400 : 12) + 1);
  const piece = text.slice(at, at + length);
  const to = dice.below(text.length + 1);
  switch (dice.below(6)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, to) + piece + text.slice(to);
    case 2:
      return text.slice(0, to) + piece + text.slice(to + piece.length);
    case 3:
      return (
        text.slice(0, at) +
        String.fromCharCode(dice.oneIn(3) ? dice.below(0xffff) : dice.below(128)) +
        text.slice(at + 1)
      );
    default:
      return text.slice(0, at) + dice.of(words) + text.slice(dice.oneIn(2) ? at : at + length);
  }
}

/** Changes bytes, which then may be no text. */
export function mutateBytes(bytes: Buffer, dice: Dice): Buffer {
  const at = dice.below(bytes.length + 1);
  const length = dice.below(Math.min(bytes.length - at, dice.oneIn(4) ? 1024 : 8) + 1);
  switch (dice.below(5)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at)]);
    case 2:
      return bytes.subarray(0, at);
    default: {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[at % changed.length] = dice.below(256);
      return changed;
    }
  }
}

/** What a campaign found: something that is neither an answer nor a refusal with a code. */
export class Finding extends Error {}

/** One campaign: makes its inputs from seed and number, and tries them. */
export interface Campaign {
  /** Tries an input; the code of its refusal, or `accepted`. @throws Finding */
  run(seed: number, index: number): string | Promise<string>;
  /** The input in words or bytes, to be kept when it was found. */
  input(seed: number, index: number): string | Buffer;
  close?(): void | Promise<void>;
}
