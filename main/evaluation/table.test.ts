import { describe, expect, it } from 'vitest';
import type { EvaluationRow, Figure } from '../contracts/shapes/evaluation.ts';
import type { EvaluationFile } from './evaluation-file.ts';
import { reportOf } from './report/index.ts';
import { rowJudgement, worstFirst } from './table.ts';

const row = (line: number, base: number, tuned: number, prompt = `Prompt ${line}`): EvaluationRow => ({
  line,
  prompt,
  expected: 'yes',
  base: 'no',
  tuned: '=2+2',
  values: { token_f1: [base, tuned], loss: [tuned, base] },
});
const rows = [row(1, 0.5, 0.5), row(2, 0.2, 0.9, 'A <b> & "c"'), row(3, 0.9, 0.2), row(4, 0.4, 0.2)];
const lines = (found: EvaluationRow[]) => found.map(({ line }) => line);

describe('rows', () => {
  it('come with the worst first, and of these the one that lost most', () => {
    expect(lines(worstFirst(rows, 'token_f1', 'all', ''))).toEqual([3, 4, 1, 2]);
    // Of a loss the largest is the worst.
    expect(lines(worstFirst(rows, 'loss', 'all', ''))).toEqual([3, 1, 4, 2]);
  });

  it('are filtered by what became of them, and searched in all texts', () => {
    expect(lines(worstFirst(rows, 'token_f1', 'better', ''))).toEqual([2]);
    expect(lines(worstFirst(rows, 'token_f1', 'worse', ''))).toEqual([3, 4]);
    expect(lines(worstFirst(rows, 'token_f1', 'all', ' PROMPT 3'))).toEqual([3]);
    expect(rowJudgement(rows[2]!, 'loss')).toBe('worse');
    expect(rowJudgement(rows[2]!, 'chrf')).toBe(null);
  });

  it('are ten thousand in a moment', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => row(at + 1, at % 7, at % 5));
    expect(worstFirst(many, 'token_f1', 'worse', 'prompt 99')).toHaveLength(
      many.filter(({ line, values }) => `${line}`.startsWith('99') && values.token_f1![1]! < values.token_f1![0]!)
        .length,
    );
  });
});

describe('reports', () => {
  const figure: Figure = {
    name: 'token_f1',
    rows: 4,
    base: 0.5,
    tuned: 0.45,
    difference: -0.05,
    low: -0.6,
    high: 0.5,
    mcnemar: null,
    judgement: { kind: 'unclear', rows_needed: 1234 },
    parts: [],
  };
  const file = {
    created_ms: 0,
    data_path: '/data/held-out.jsonl',
    rows: 4,
    figures: [figure],
  } as unknown as EvaluationFile;

  it('are one page that fetches nothing, in both languages', () => {
    const html = reportOf('html', file, rows, 'Mine <1>', 'en');
    expect(html).toContain('Evaluation of Mine &lt;1&gt;');
    expect(html).toContain('A &lt;b&gt; &amp; &quot;c&quot;');
    expect(html).toContain('Not enough rows to tell; about 1300 would probably tell');
    expect(html).not.toMatch(/\b(?:src|href|url)\s*[=(]/);
    expect(reportOf('html', file, rows, 'Mío', 'es')).toContain('−5.0 puntos');
  });

  it('are rows for a spreadsheet, with nothing that it would compute', () => {
    const [head, first, second] = reportOf('csv', file, rows, 'Mine', 'en').split('\r\n');
    expect(head).toBe('\uFEFFline,prompt,expected,base,tuned,token_f1_base,token_f1_tuned,loss_base,loss_tuned');
    expect(first).toBe("1,Prompt 1,yes,no,'=2+2,0.5,0.5,0.5,0.5");
    expect(second).toBe(`2,"A <b> & ""c""",yes,no,'=2+2,0.2,0.9,0.9,0.2`);
  });

  it('are all of it as JSON', () => {
    const read = JSON.parse(reportOf('json', file, rows, 'Mine', 'en')) as { name: string; table: EvaluationRow[] };
    expect(read.name).toBe('Mine');
    expect(read.table).toEqual(rows);
  });
});
