import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { DatasetError } from '../errors.ts';
import type { FileKind } from '../types.ts';

const HEAD_BYTES = 64 * 1024;
const CHUNK_BYTES = 256 * 1024;

/** A dataset file that exists and is text, with the beginning that its kind is judged by. */
export interface Source {
  path: string;
  kind: FileKind;
  size_bytes: number;
  /** The first 64 KiB as text, without byte order mark. */
  head: string;
  /** Where the text begins: behind a byte order mark. */
  start_bytes: number;
  /** Gives bytes of the file the line ends that its chunks have; in place. */
  withLineFeeds(bytes: Buffer): Buffer;
  /** The whole file, in chunks, without byte order mark. */
  chunks(): AsyncGenerator<Buffer, void, undefined>;
}

/**
 * Opens a file and finds its kind, by its extension and, for .json, by its first character.
 * @throws DatasetError dataset_not_found, dataset_unreadable, dataset_encoding, dataset_kind_unsupported, dataset_empty
 */
export async function openSource(path: string): Promise<Source> {
  const { head, size_bytes } = await readHead(path);
  refuseBinary(path, head);
  const hasBom = head.length >= 3 && head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf;
  const skip = hasBom ? 3 : 0;
  const begin = head.toString('utf8', skip);
  // Lines that end with \r alone, as old spreadsheets write them, are read as if they ended with \n.
  const endsWithCr = !begin.includes('\n') && begin.trimEnd().includes('\r');
  const text = endsWithCr ? begin.replaceAll('\r', '\n') : begin;
  if (text.trim() === '') {
    throw new DatasetError('dataset_empty', `The dataset ${path} is empty.`, 'Choose a file with at least one row.', {
      path,
    });
  }
  return {
    path,
    kind: kindOf(path, text),
    size_bytes,
    head: text,
    start_bytes: skip,
    withLineFeeds: endsWithCr ? withLineFeeds : (bytes) => bytes,
    chunks: () => (endsWithCr ? chunksWithLineFeeds(readChunks(path, skip)) : readChunks(path, skip)),
  };
}

async function readHead(path: string): Promise<{ head: Buffer; size_bytes: number }> {
  try {
    const info = await stat(path);
    if (!info.isFile()) {
      throw new DatasetError(
        'dataset_unreadable',
        `${path} is not a file.`,
        'Choose a .jsonl, .json, .csv or .txt file.',
        { path },
      );
    }
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(HEAD_BYTES);
      let length = 0;
      while (length < HEAD_BYTES) {
        const { bytesRead } = await file.read(buffer, length, HEAD_BYTES - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return { head: buffer.subarray(0, length), size_bytes: info.size };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof DatasetError) throw error;
    throw readError(path, error);
  }
}

/** An error of the file system in words. */
export function readError(path: string, error: unknown): DatasetError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new DatasetError('dataset_not_found', `There is no file ${path}.`, 'Check the path of the dataset.', {
      path,
    });
  }
  return new DatasetError(
    'dataset_unreadable',
    `The dataset ${path} can't be read: ${(error as Error).message}`,
    'Check that the file is readable by you and that its disk is there.',
    { path, errno: code ?? null },
  );
}

function refuseBinary(path: string, head: Buffer): void {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    throw new DatasetError('dataset_encoding', `The dataset ${path} is UTF-16.`, 'Save it as UTF-8 and try again.', {
      path,
      encoding: 'utf-16',
    });
  }
  const magic = head.toString('latin1', 0, 4);
  const binary =
    magic === 'PAR1'
      ? 'a Parquet file'
      : magic.startsWith('PK')
        ? 'a ZIP archive or an Excel workbook'
        : magic.startsWith('\x1f\x8b')
          ? 'compressed with gzip'
          : magic === 'GGUF'
            ? 'a GGUF model'
            : null;
  if (binary !== null) {
    throw new DatasetError(
      'dataset_kind_unsupported',
      `The dataset ${path} is ${binary}.`,
      'Choose a .jsonl, .json, .csv or .txt file; unpack or convert this one first.',
      { path, found: binary },
    );
  }
}

function kindOf(path: string, head: string): FileKind {
  const extension = extname(path).toLowerCase();
  switch (extension) {
    case '.jsonl':
    case '.ndjson':
      return jsonlKind(head);
    case '.json':
      return jsonKind(head);
    case '.csv':
    case '.tsv':
      return 'csv';
    case '.txt':
    case '.md':
    case '.text':
      return 'txt';
    default:
      throw new DatasetError(
        'dataset_kind_unsupported',
        `Files named ${extension === '' ? 'without an extension' : extension} are not read as datasets (${path}).`,
        'Choose a .jsonl, .json, .csv or .txt file.',
        { path, extension },
      );
  }
}

/**
 * Many files named .json hold one object a line, and some named .jsonl hold one list, or objects over several lines. A file is read
 * line by line where a line is a value by itself, but for a single one: a whole file in one line is JSON.
 */
function jsonKind(head: string): FileKind {
  if (head.trimStart().startsWith('[')) return 'json';
  const [first = '', second = ''] = head.split('\n').filter((line) => line.trim() !== '');
  return isJson(second) ? 'jsonl' : isJson(first) && second !== '' ? 'jsonl' : 'json';
}

/** Lines that are looked at to see whether a .jsonl file is what its name says. */
const FIRST_LINES = 20;

function jsonlKind(head: string): FileKind {
  const lines = head.split('\n');
  // The last line may be cut.
  if (lines.length > 1 && Buffer.byteLength(head) >= HEAD_BYTES - 4) lines.pop();
  const first = lines.filter((line) => line.trim() !== '').slice(0, FIRST_LINES);
  const isWhole = first.length > 1 && /^\s*[[{]/.test(head);
  return isWhole && !first.some(isJson) ? 'json' : 'jsonl';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function* chunksWithLineFeeds(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) yield withLineFeeds(chunk);
}

function withLineFeeds(bytes: Buffer): Buffer {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) bytes[at] = 10;
  return bytes;
}

async function* readChunks(path: string, skip: number): AsyncGenerator<Buffer, void, undefined> {
  const stream = createReadStream(path, { start: skip, highWaterMark: CHUNK_BYTES });
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw readError(path, error);
  } finally {
    stream.destroy();
  }
}
