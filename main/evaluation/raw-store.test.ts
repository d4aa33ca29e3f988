import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RawStore, type RawRecord } from './raw-store.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-store-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('keeps what was written, and drops a line that a kill cut short', () => {
  const answer: RawRecord = {
    side: 'base',
    line: 3,
    kind: 'answer',
    text: 'line\nline',
    tokens: 2,
    stop_reason: 'end',
  };
  const first = new RawStore(dir);
  first.add(answer);
  first.add({ side: 'tuned', line: 3, kind: 'too_long', what: 'answer' });
  first.close();
  const whole = readFileSync(first.file, 'utf8');
  appendFileSync(first.file, '{"side":"base","line":4,"kind":"ans');

  const second = new RawStore(dir);
  expect(second.get('base', 'answer', 3)).toEqual(answer);
  expect(second.get('base', 'answer', 4)).toBe(undefined);
  expect(second.tooLong()).toBe(1);
  second.add({ side: 'base', line: 4, kind: 'loss', nats: 1.5, tokens: 2 });
  second.close();
  expect(readFileSync(first.file, 'utf8')).toBe(
    `${whole}{"side":"base","line":4,"kind":"loss","nats":1.5,"tokens":2}\n`,
  );
});
