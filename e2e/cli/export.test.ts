import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { alpacaRows, expectRefusal, fixture, useWorkplace } from '../support/forja.ts';

const place = useWorkplace();
const score = async (model: string, ...more: string[]) => {
  const { last } = await place.forja(
    ...[
      'score',
      '--model',
      model,
      '--data',
      place.path('rows.jsonl'),
      '--max-seq-len',
      '128',
      '--compute-type',
      'f32',
      '--threads',
      '1',
      '--json',
    ],
    ...more,
  );
  return last as unknown as { mean_loss: number; perplexity: number; tokens: number };
};

/** Exports with one thread: llama.cpp's threads wait for each other by spinning, and tests share their processors. */
const exportRun = (run: string, ...more: string[]) =>
  place.forja('export', '--run', place.path(run), '--threads', '1', ...more);

beforeAll(async () => {
  place.write('rows.jsonl', alpacaRows(40));
  const { code, stderr } = await place.forja(
    ...['train', '--model', fixture('llama-f32.gguf'), '--data', place.path('rows.jsonl'), '--val-share', '0.2'],
    ...[
      '--out',
      place.path('run'),
      '--max-seq-len',
      '128',
      '--learning-rate',
      '1e-2',
      '--max-steps',
      '20',
      '--threads',
      '1',
      '--json',
    ],
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

describe('exports of a run', () => {
  test('the merged model at its own types scores as base and adapter do, and is checked on held-out rows', async () => {
    const output = place.path('merged.gguf');
    const { code, last } = await exportRun('run', '--format', 'gguf', '--type', 'same', '--output', output, '--json');
    expect(code).toBe(0);
    expect(last).toMatchObject({
      ok: true,
      format: 'gguf',
      output_path: output,
      is_checked: true,
      is_held_out: true,
      verdict: 'kept',
      advice: null,
    });
    expect(last.tuned_loss).toBeLessThan(last.base_loss as number);
    const base = await score(fixture('llama-f32.gguf'));
    const live = await score(fixture('llama-f32.gguf'), '--adapter', place.path('run/adapter.gguf'));
    const merged = await score(output);
    expect(live.mean_loss).toBeLessThan(base.mean_loss);
    // An F32 base is merged in F32 and both are scored in F32: what is left is the order of the sums.
    expect(merged.mean_loss).toBeCloseTo(live.mean_loss, 4);
    expect(merged.perplexity).toBeCloseTo(Math.exp(merged.mean_loss), 4);
    expect(merged.tokens).toBe(base.tokens);
  });

  test('without a type, the smallest that keeps at least 95 % on held-out rows', async () => {
    const output = place.path('smallest.gguf');
    const { code, last } = await exportRun('run', '--output', output, '--json');
    expect(code).toBe(0);
    const types = last.types as { output_type: string; output_bytes: number; kept_share: number | null }[];
    const taken = types.findIndex(({ output_type }) => output_type === last.output_type);
    expect(types.length).toBeGreaterThan(2);
    expect(types.map(({ output_bytes }) => output_bytes)).toEqual(
      types.map(({ output_bytes }) => output_bytes).toSorted((a, b) => a - b),
    );
    types.slice(0, taken).forEach(({ kept_share }) => expect(kept_share).toBeLessThan(0.95));
    expect(types[taken]!.kept_share).toBeGreaterThanOrEqual(0.95);
    types.slice(taken + 1).forEach(({ kept_share }) => expect(kept_share).toBeNull());
    expect(last).toMatchObject({ rounding: 'feedback', verdict: 'kept', output_bytes: types[taken]!.output_bytes });
    expect(readFileSync(output).length).toBe(types[taken]!.output_bytes);
    expect(readdirSync(place.path('.')).filter((name) => name.includes('.trial-'))).toEqual([]);
  });

  test.each([
    ['f16', 'merged-f16.gguf'],
    ['q8_0', 'merged-q8.gguf'],
  ])('at type %s', async (type, name) => {
    const args = ['--format', 'gguf', '--type', type, '--output', place.path(name)];
    const { code, last } = await exportRun('run', ...args, '--json');
    expect(code).toBe(0);
    expect(last).toMatchObject({ output_type: type, verdict: 'kept' });
    expect(last.output_bytes).toBe(readFileSync(place.path(name)).length);
  });

  test('the adapter as GGUF, and as a PEFT folder', async () => {
    const adapter = place.path('adapter-out.gguf');
    const asGguf = await exportRun('run', '--format', 'gguf-adapter', '--output', adapter, '--json');
    expect(asGguf.last).toMatchObject({ ok: true, verdict: 'kept' });
    expect((await score(fixture('llama-f32.gguf'), '--adapter', adapter)).tokens).toBeGreaterThan(0);

    const folder = place.path('peft');
    const asPeft = await exportRun('run', '--format', 'peft', '--output', folder, '--json');
    expect(asPeft.last).toMatchObject({ ok: true, format: 'peft', verdict: 'kept' });
    expect(readdirSync(folder).sort()).toEqual(
      expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors']),
    );
  });

  test('are recorded with their run', async () => {
    const { last } = await place.forja('runs', place.path('run'), '--json');
    expect(last.recorded_exports).toBeGreaterThan(0);
  });

  test('a file that is there is refused and stays whole, unless --overwrite', async () => {
    const output = place.write('precious.gguf', 'precious');
    const args = ['--output', output, '--no-check', '--json'];
    expectRefusal(await exportRun('run', ...args), 'output_exists', /precious\.gguf/);
    expect(readFileSync(output, 'utf8')).toBe('precious');
    const { code, last } = await exportRun('run', ...args, '--overwrite');
    expect(code).toBe(0);
    expect(last).toMatchObject({ is_checked: false });
  });

  test('into a folder that is not there, and nothing half-written is left', async () => {
    const output = place.path('no/such/folder/merged.gguf');
    const outcome = await exportRun('run', '--output', output, '--json');
    expect(outcome.code).toBeGreaterThan(0);
    expect(outcome.last).toMatchObject({ ok: false, code: 'output_not_writable' });
    expect(existsSync(output)).toBe(false);
  });
});

test('a run with no held-out rows is checked on those it was trained on, and says so', async () => {
  await place.forja(
    ...[
      'train',
      '--model',
      fixture('llama-f32.gguf'),
      '--data',
      place.path('rows.jsonl'),
      '--out',
      place.path('no-val'),
    ],
    ...['--max-steps', '2', '--threads', '1', '--json'],
  );
  const args = ['--output', place.path('no-val.gguf')];
  const { stdout, code } = await exportRun('no-val', ...args);
  expect(code).toBe(0);
  expect(stdout).toContain('rows it was trained on');
});

test('nothing to export', async () => {
  expectRefusal(await place.forja('export', '--output', place.path('x.gguf'), '--json'), 'usage', /nothing to export/);
  expectRefusal(
    await place.forja('export', '--run', place.dir, '--output', place.path('x.gguf'), '--json'),
    'run_not_found',
    /no run\.json/,
  );
});

describe('a real model', () => {
  test('is trained, exported at another type and asked, from the command line', async () => {
    const rows = alpacaRows(8);
    const run = place.path('real');
    const trained = await place.forja(
      ...[
        'train',
        '--model',
        inject('sampleModel'),
        '--data',
        place.write('real.jsonl', rows),
        '--val-share',
        '0.3',
        '--out',
        run,
      ],
      ...['--max-steps', '2', '--warmup-ratio', '0', '--gradient-accumulation-steps', '2', '--threads', '1', '--json'],
    );
    expect(trained.code).toBe(0);
    expect(trained.last).toMatchObject({ trainable_parameters: 4_884_480, steps: 2 });
    const output = place.path('real-q8.gguf');
    const exported = await exportRun('real', '--type', 'q8_0', '--output', output, '--check-rows', '2', '--json');
    expect(exported.last).toMatchObject({ ok: true, output_type: 'q8_0', verdict: 'kept' });
    const asked = await place.forja(
      'chat',
      '--model',
      output,
      '--prompt',
      'Add 1 and 2.',
      '--max-tokens',
      '8',
      '--threads',
      '1',
      '--json',
    );
    expect(asked.code).toBe(0);
    expect(asked.last.text).not.toBe('');
  });
});
