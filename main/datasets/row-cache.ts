import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Dataset } from './dataset.ts';
import type { ReadCounts, ReadFile } from './file-audit.ts';
import { RowList } from './row-list.ts';

/** Raised when rows are hashed or recognised in another way: what was kept before counts for nothing then. */
const VERSION = 2;
/** Smaller files are read sooner than they are looked up. */
const KEPT_FROM_BYTES = 1024 * 1024;
/** How many files are known at most; the ones that were not needed longest go. */
const MOST_FILES = 24;

interface Header {
  version: number;
  counts: ReadCounts;
  rows: number;
  starts: number;
}

/** What reading a large dataset found, kept in a folder, so that it need not be read through again while it stays as it is. */
export class RowCache {
  private readonly dir: string | null;
  private readonly least: number;

  /** @param dir null keeps nothing */
  constructor(dir: string | null, least_bytes = KEPT_FROM_BYTES) {
    this.dir = dir;
    this.least = least_bytes;
  }

  /** What is known of this very file read in this way, or null. */
  async load(dataset: Dataset): Promise<ReadFile | null> {
    const path = this.pathFor(dataset);
    if (path === null) return null;
    try {
      const { buffer, byteOffset, byteLength } = await readFile(path);
      const memory = byteOffset % 8 === 0 ? buffer : buffer.slice(byteOffset, byteOffset + byteLength);
      const from = byteOffset % 8 === 0 ? byteOffset : 0;
      const headerBytes = new Uint32Array(memory, from, 1)[0]!;
      const { version, counts, rows, starts } = JSON.parse(
        Buffer.from(memory, from + 4, headerBytes).toString(),
      ) as Header;
      const body = from + aligned(4 + headerBytes);
      if (version !== VERSION || byteLength !== body - from + 8 * starts + 12 * rows) return null;
      if (starts > 0) dataset.useStarts(new Float64Array(memory, body, starts));
      const numbers = (place: number) => new Uint32Array(memory, body + 8 * starts + 4 * place * rows, rows);
      await utimes(path, new Date(), new Date()).catch(() => undefined);
      return { counts, rows: new RowList(numbers(0), numbers(1), numbers(2), rows) };
    } catch {
      return null;
    }
  }

  /** Keeps what was found. A cache that can't be written is none: the file is read again the next time. */
  async keep(dataset: Dataset, { counts, rows }: ReadFile, identity: string): Promise<void> {
    const path = this.pathFor(dataset);
    if (path === null || this.dir === null || identityOf(dataset.path) !== identity) return;
    if (existsSync(path)) return;
    const aside = `${path}.${process.pid}.tmp`;
    try {
      const starts = (await dataset.starts()) ?? new Float64Array();
      const header = Buffer.from(
        JSON.stringify({ version: VERSION, counts, rows: rows.length, starts: starts.length } satisfies Header),
      );
      const front = Buffer.alloc(aligned(4 + header.length));
      front.writeUInt32LE(header.length);
      header.copy(front, 4);
      const numbers = [rows.places, rows.lows, rows.highs].map((array) => bytesOf(array.subarray(0, rows.length)));
      await mkdir(this.dir, { recursive: true });
      await writeFile(aside, Buffer.concat([front, bytesOf(starts), ...numbers]));
      await rename(aside, path);
      await this.prune();
    } catch {
      await rm(aside, { force: true }).catch(() => undefined);
    }
  }

  private pathFor({ path, size_bytes, format, columns }: Dataset): string | null {
    if (this.dir === null || size_bytes < this.least) return null;
    const names = Object.entries(columns).sort(([a], [b]) => (a < b ? -1 : 1));
    const key = createHash('sha256').update(JSON.stringify([identityOf(path), format, names]));
    return join(this.dir, `${key.digest('hex').slice(0, 32)}.rows`);
  }

  private async prune(): Promise<void> {
    const names = (await readdir(this.dir!)).filter((name) => name.endsWith('.rows'));
    const found = await Promise.all(
      names.map(async (name) => ({ name, used_ms: (await stat(join(this.dir!, name))).mtimeMs })),
    );
    found.sort((a, b) => b.used_ms - a.used_ms);
    for (const { name } of found.slice(MOST_FILES)) await rm(join(this.dir!, name), { force: true });
  }
}

/** What changes when a file is written to, replaced or moved: its place, size and times. Empty when it is not there. */
export function identityOf(path: string): string {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined) return '';
  return JSON.stringify([resolve(path), info.dev, info.ino, info.size, info.mtimeMs, info.ctimeMs]);
}

const aligned = (bytes: number) => Math.ceil(bytes / 8) * 8;

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Uint32Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
