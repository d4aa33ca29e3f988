/**
 * TensorBoard's event files: each record is framed as TensorFlow's TFRecord has it and holds one Event of
 * tensorboard/compat/proto/event.proto. Only what curves need is written: the file's version, the start of a session, scalars.
 */

/** A scalar's name as TensorBoard groups it, `train/loss`, with its value; values are kept as 32-bit floats. */
export type Scalar = readonly [tag: string, value: number];

/** The record that an event file begins with. */
export function fileVersion(time_ms: number): Buffer {
  return record(Buffer.concat([wallTime(time_ms), text(3, 'brain.Event:2')]));
}

/** Says that a session starts: what was told of `step` and of later ones is void. */
export function sessionStart(step: number, time_ms: number): Buffer {
  const START = 1;
  return record(Buffer.concat([wallTime(time_ms), number(2, step), bytes(7, number(1, START))]));
}

/** The scalars of one step. */
export function scalars(step: number, time_ms: number, values: readonly Scalar[]): Buffer {
  const summary = values.map(([tag, value]) => bytes(1, Buffer.concat([text(1, tag), float(2, value)])));
  return record(Buffer.concat([wallTime(time_ms), number(2, step), bytes(5, Buffer.concat(summary))]));
}

/** TFRecord: the length, its checksum, the data, its checksum; little-endian. */
function record(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

// Protocol buffers: a field is its number with the kind of its value, then the value.

const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FLOAT = 5;

function varint(value: number): Buffer {
  const out: number[] = [];
  for (let rest = BigInt(value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Buffer.from([...out, low]);
    out.push(low | 0x80);
  }
}

const key = (field: number, kind: number) => varint((field << 3) | kind);
const number = (field: number, value: number) => Buffer.concat([key(field, VARINT), varint(value)]);
const bytes = (field: number, value: Buffer) => Buffer.concat([key(field, BYTES), varint(value.length), value]);
const text = (field: number, value: string) => bytes(field, Buffer.from(value));

function wallTime(time_ms: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeDoubleLE(time_ms / 1000);
  return Buffer.concat([key(1, DOUBLE), value]);
}

function float(field: number, number: number): Buffer {
  const value = Buffer.alloc(4);
  value.writeFloatLE(number);
  return Buffer.concat([key(field, FLOAT), value]);
}

/** CRC-32C with the mask that TFRecord puts on it, since checksums of data that hold checksums are weak. */
function maskedCrc(data: Buffer): Buffer {
  const crc = crc32c(data);
  const out = Buffer.alloc(4);
  out.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return out;
}

/** CRC-32 with Castagnoli's polynomial; zlib has only the other one. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
