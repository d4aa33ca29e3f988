import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readChoiceRows } from './choice-rows.ts';

const folder = join(import.meta.dirname, '../../resources/general');

describe.each(['en', 'es'])('the general questions (%s)', (language) => {
  it('are a hundred, each once, with four options, and the right one anywhere', async () => {
    const { rows, refused } = await readChoiceRows(join(folder, `general-${language}.jsonl`));
    expect(refused).toEqual([]);
    expect(rows.length).toBeGreaterThanOrEqual(100);
    expect(new Set(rows.map(({ question }) => question)).size).toBe(rows.length);
    for (const { options } of rows) expect(new Set(options).size).toBe(4);
    // Who always says the same letter gets no more than 40 % right, and who says the longest option little more than chance.
    for (const place of [0, 1, 2, 3])
      expect(rows.filter(({ right }) => right === place).length / rows.length).toBeLessThan(0.4);
    const longest = rows.filter(({ options, right }) =>
      options.every(({ length }) => length <= options[right]!.length),
    );
    expect(longest.length / rows.length).toBeLessThan(0.5);
    expect(new Set(rows.map(({ subject }) => subject)).size).toBe(8);
  });
});
