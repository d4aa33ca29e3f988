import { expect, test } from 'vitest';
import { LineSplitter } from './lines.ts';

test('lines come out whole however the text is cut', () => {
  const text = '{"a":1}\r\n{"b":"ñ"}\n\n{"c":3}';
  for (let size = 1; size <= text.length; size++) {
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let at = 0; at < text.length; at += size) lines.push(...splitter.push(text.slice(at, at + size)));
    expect(lines).toEqual(['{"a":1}', '{"b":"ñ"}', '']);
    expect(splitter.end()).toBe('{"c":3}');
  }
});
