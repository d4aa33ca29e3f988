import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Faults of the app itself, one entry each in a file that a bug report can carry; nothing is sent anywhere. */
export class CrashLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  note(kind: string, what: unknown): void {
    const text = what instanceof Error ? (what.stack ?? what.message) : JSON.stringify(what);
    const entry = `${new Date().toISOString()} ${kind}\n${text}\n\n`;
    process.stderr.write(entry);
    try {
      mkdirSync(dirname(this.path), { recursive: true });
      appendFileSync(this.path, entry);
    } catch {
      // It was written to stderr.
    }
  }
}
