import { closeSync, openSync, readSync } from 'node:fs';

/** A tensor as a GGUF file declares it. */
export interface GgufTensor {
  name: string;
  /** Sizes, the fastest first, as ggml has them. */
  ne: number[];
  /** ggml's number of its type. */
  type: number;
}

/** What a GGUF file says before its weights. Arrays are left out: vocabularies are long and nothing here needs them. */
export interface GgufHeader {
  /** Where the weights begin. */
  data_offset: number;
  values: Record<string, string | number | boolean>;
  tensors: GgufTensor[];
}

const PIECE_BYTES = 1 << 20;
const STRING = 8;
const ARRAY = 9;
/** Bytes of each kind of value, by GGUF's number for it; 0: of no fixed length. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/**
 * Reads the header of a GGUF file. The trainer judges whether a file is whole and can be trained; this only looks sizes up.
 * @throws Error when it is no GGUF file of version 2 or 3
 */
export function readGgufHeader(path: string): GgufHeader {
  const file = openSync(path, 'r');
  try {
    const from = new Cursor(file);
    if (from.text(4) !== 'GGUF') throw new Error(`${path} is not a GGUF file`);
    const version = from.u32();
    if (version < 2 || version > 3) throw new Error(`${path} is GGUF version ${version}`);
    const n_tensors = from.u64();
    const n_values = from.u64();
    const values: GgufHeader['values'] = {};
    for (let at = 0; at < n_values; at++) {
      const key = from.string();
      const value = from.value(from.u32());
      if (value !== undefined) values[key] = value;
    }
    const tensors = Array.from({ length: n_tensors }, () => {
      const name = from.string();
      const ne = Array.from({ length: from.u32() }, () => from.u64());
      const type = from.u32();
      from.u64();
      return { name, ne, type };
    });
    const alignment = typeof values['general.alignment'] === 'number' ? values['general.alignment'] : 32;
    return { data_offset: Math.ceil(from.position / alignment) * alignment, values, tensors };
  } finally {
    closeSync(file);
  }
}

/** Reads a file from its start, a piece at a time. */
class Cursor {
  private readonly file: number;
  private piece = Buffer.alloc(0);
  private pieceStart = 0;
  private at = 0;

  constructor(file: number) {
    this.file = file;
  }

  get position(): number {
    return this.pieceStart + this.at;
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  u64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  text(length: number): string {
    return this.take(length).toString('utf8');
  }

  string(): string {
    return this.text(this.u64());
  }

  /** A value of this kind, or undefined for an array, which is passed over. */
  value(kind: number): string | number | boolean | undefined {
    switch (kind) {
      case 0:
        return this.take(1).readUInt8();
      case 1:
        return this.take(1).readInt8();
      case 2:
        return this.take(2).readUInt16LE();
      case 3:
        return this.take(2).readInt16LE();
      case 4:
        return this.u32();
      case 5:
        return this.take(4).readInt32LE();
      case 6:
        return this.take(4).readFloatLE();
      case 7:
        return this.take(1)[0] !== 0;
      case STRING:
        return this.string();
      case ARRAY:
        this.skipArray();
        return undefined;
      case 10:
        return this.u64();
      case 11:
        return Number(this.take(8).readBigInt64LE());
      case 12:
        return this.take(8).readDoubleLE();
      default:
        throw new Error(`GGUF value of unknown kind ${kind}`);
    }
  }

  private skipArray(): void {
    const kind = this.u32();
    const length = this.u64();
    if (kind === STRING) for (let at = 0; at < length; at++) this.skip(this.u64());
    else if (kind === ARRAY) for (let at = 0; at < length; at++) this.skipArray();
    else this.skip((SIZES[kind] ?? 0) * length);
  }

  private skip(length: number): void {
    if (this.at + length <= this.piece.length) {
      this.at += length;
      return;
    }
    this.pieceStart += this.at + length;
    this.at = 0;
    this.piece = Buffer.alloc(0);
  }

  private take(length: number): Buffer {
    if (this.at + length > this.piece.length) {
      this.pieceStart += this.at;
      this.at = 0;
      const wanted = Buffer.alloc(Math.max(PIECE_BYTES, length));
      const got = readSync(this.file, wanted, 0, wanted.length, this.pieceStart);
      if (got < length) throw new Error('The GGUF header is cut short');
      this.piece = wanted.subarray(0, got);
    }
    const bytes = this.piece.subarray(this.at, this.at + length);
    this.at += length;
    return bytes;
  }
}
