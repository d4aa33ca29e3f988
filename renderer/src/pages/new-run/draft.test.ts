import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Preset, RunDetail, SettingInfo } from '../../../../main/contracts/ipc.ts';
import { settings as appSettings } from '../../state/settings.svelte.ts';
import { Draft, isSame } from './draft.svelte.ts';
import { limitFor } from './limit.ts';

const info = (name: SettingInfo['name'], standard: unknown, change: Partial<SettingInfo> = {}): SettingInfo => ({
  name,
  section: 'adapter',
  unit: null,
  affects: [],
  on_resume: 'fixed',
  methods: null,
  objectives: null,
  advanced: false,
  kind: 'integer',
  default: standard,
  minimum: 1,
  maximum: 1024,
  choices: null,
  description: '',
  ...change,
});

const infos = [
  info('lora_rank', 8),
  info('lora_alpha', 16),
  info('max_seq_len', 512, { affects: ['dataset'] }),
  info('seed', 1, { affects: ['dataset'] }),
  info('method', 'lora', { kind: 'choice', choices: ['lora', 'prompt'] }),
  info('use_rslora', false, { kind: 'boolean', methods: ['lora'] }),
  info('objective', 'sft', { kind: 'choice', choices: ['sft', 'dpo', 'orpo', 'kto'], affects: ['dataset'] }),
  info('dpo_beta', 0.1, { kind: 'number', objectives: ['dpo'] }),
  info('threads', 0),
  info('target_modules', ['q', 'v'], { kind: 'modules', choices: ['q', 'v'] }),
];
const presets: Preset[] = [
  { id: 'rank_small', group: 'rank', values: { lora_rank: 8, lora_alpha: 16 }, is_default: false },
  { id: 'rank_medium', group: 'rank', values: { lora_rank: 16, lora_alpha: 32 }, is_default: true },
];

const tokens = { rows: 90, tokens: 900, supervised_tokens: 300, median_tokens: 9, p95_tokens: 12, max_tokens: 14 };
const report = {
  data: { format: 'text' },
  train: tokens,
  val: { ...tokens, rows: 10 },
  examples: [] as { system: string; prompt: string; answer: string }[],
  warnings: [],
};

const calls: { channel: string; request: unknown }[] = [];
let answers: Record<string, unknown> = {};
let refusal: { code: string } | null = null;

const called = (channel: string) => calls.filter((call) => call.channel === channel).map((call) => call.request);
/** Lets timers pass and what they started settle. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(async () => {
  vi.useFakeTimers();
  calls.length = 0;
  refusal = null;
  answers = {
    'settings.get': { language: 'en', theme: 'light', device: 'auto', threads: 2, checkpoints_kept: 5 },
    'presets.list': { presets, settings: infos },
    'app.doctor': { findings: [], devices: [], report: '' },
    'models.inspect': { trainable: true, n_ctx_train: 2048 },
    'datasets.inspect': report,
    'datasets.preview': { rows: [{ line: 1 }], has_more: true },
    'estimates.plan': { memory: { total_bytes: 1000 }, warnings: [] },
    'runs.create': { id: 'r1', name: 'x' },
  };
  vi.stubGlobal('document', { documentElement: { dataset: {} } });
  vi.stubGlobal('window', {
    forja: {
      invoke: (channel: string, request: unknown) => {
        calls.push({ channel, request: structuredClone(request) });
        const isRefused = refusal !== null && channel === 'models.inspect';
        return Promise.resolve(
          isRefused
            ? { ok: false, error: { message: 'no', hint: '', details: {}, ...refusal } }
            : { ok: true, value: answers[channel] },
        );
      },
    },
  });
  await appSettings.load();
  return () => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  };
});

async function loaded(): Promise<Draft> {
  const draft = new Draft();
  await draft.load();
  return draft;
}

async function complete(): Promise<Draft> {
  const draft = await loaded();
  draft.chooseModel('/m.gguf');
  await pass(0);
  draft.chooseData('/d.jsonl');
  await pass(1000);
  return draft;
}

describe('Draft', () => {
  it('begins with the defaults, over them the default presets, over them the settings of the app', async () => {
    const draft = await loaded();
    expect(draft.settings).toMatchObject({ lora_rank: 16, lora_alpha: 32, threads: 2, checkpoints_kept: 5 });
    expect(draft.presetOf('rank')?.id).toBe('rank_medium');
    expect(draft.changedNames).toEqual([]);
  });

  it('takes over what another run was made of, and one of its checkpoints', async () => {
    const draft = await loaded();
    const run = {
      model_path: '/m.gguf',
      dataset_path: '/d.jsonl',
      settings: { lora_rank: 4, threads: 1 },
      template: 'chatml',
      format: 'alpaca',
      columns: { answer: 'b' },
      val_path: null,
      val_share: 0.2,
      sample_prompts: [{ system: null, prompt: 'Hi', expected: null }],
      checkpoints: [
        { step: 5, reason: 'best', path: '/r/best' },
        { step: 5, reason: 'interval', path: '/r/step-5' },
      ],
    } as unknown as RunDetail;
    draft.takeOver(run, null);
    expect(draft.settings).toMatchObject({ lora_rank: 4, lora_alpha: 32, threads: 1 });
    expect(draft.settings).not.toHaveProperty('init_adapter_path');
    draft.takeOver(run, 'best');
    expect(draft.settings.init_adapter_path).toBe('/r/best/adapter.gguf');
    draft.takeOver(run, 5);
    expect(draft.settings.init_adapter_path).toBe('/r/step-5/adapter.gguf');
    await pass(1000);
    expect(called('datasets.inspect').at(-1)).toMatchObject({
      ...{ data_path: '/d.jsonl', model_path: '/m.gguf', columns: { answer: 'b' } },
      ...{ val_share: 0.2, format: 'alpaca', template: 'chatml' },
    });
    expect(draft.samplePrompts.map(({ prompt }) => prompt)).toEqual(['Hi']);
  });

  it('asks for rows and estimate once model and data are there, and can start', async () => {
    const draft = await loaded();
    expect(draft.obstacle).toBe('needsModel');
    draft.chooseData('/d.jsonl');
    await pass(1000);
    expect(called('datasets.inspect')).toEqual([]);
    draft.chooseModel('/m.gguf');
    await pass(1000);
    expect(called('datasets.inspect')).toEqual([
      expect.objectContaining({ data_path: '/d.jsonl', model_path: '/m.gguf', max_seq_len: 512, val_share: 0.05 }),
    ]);
    expect(called('estimates.plan').at(-1)).toMatchObject({ dataset: { rows: 90, val_rows: 10 } });
    expect(draft.obstacle).toBeNull();
  });

  it('reads the dataset anew only for settings that change its rows', async () => {
    const draft = await complete();
    calls.length = 0;
    draft.set('lora_rank', 4);
    await pass(1000);
    expect(calls.map((call) => call.channel)).toEqual(['estimates.plan']);
    draft.set('max_seq_len', 256);
    draft.set('max_seq_len', 1024);
    await pass(1000);
    expect(called('datasets.inspect')).toEqual([expect.objectContaining({ max_seq_len: 1024 })]);
  });

  it('tells what was changed, and puts it back', async () => {
    const draft = await complete();
    draft.set('lora_rank', 7);
    draft.set('target_modules', ['v', 'q']);
    expect(draft.changedNames).toEqual(['lora_rank']);
    expect(draft.presetOf('rank')).toBeNull();
    draft.applyPreset(presets[0]!);
    expect(draft.presetOf('rank')?.id).toBe('rank_small');
    draft.reset();
    expect(draft.settings.lora_rank).toBe(16);
  });

  it('does not start while a number is out of its range', async () => {
    const draft = await complete();
    draft.tellProblem('lora_rank', 'too_large');
    expect(draft.obstacle).toBe('needsSettings');
    draft.set('lora_rank', 8);
    expect(draft.obstacle).toBeNull();
  });

  it('keeps the refusal of a model, and asks for nothing more', async () => {
    const draft = await loaded();
    refusal = { code: 'gguf_corrupt' };
    draft.chooseModel('/bad.gguf');
    await pass(1000);
    expect(draft.model.error).toMatchObject({ code: 'gguf_corrupt' });
    expect(draft.obstacle).toBe('needsModel');
    expect(called('estimates.plan')).toEqual([]);
  });

  it('does not start with a model that cannot be trained', async () => {
    answers['models.inspect'] = { trainable: false, reason: 'no' };
    const draft = await complete();
    expect(draft.obstacle).toBe('needsTrainable');
    expect(draft.plan.value).toBeNull();
  });

  it('forgets the columns of the last file with a new one', async () => {
    const draft = await complete();
    draft.chooseReading({ format: 'alpaca', columns: { output: 'gold' } });
    draft.chooseData('/other.csv');
    expect(draft.choices).toMatchObject({ format: 'auto', columns: {} });
  });

  it('adds further rows to the preview', async () => {
    const draft = await complete();
    answers['datasets.preview'] = { rows: [{ line: 2 }], has_more: false };
    await draft.showMore();
    expect(called('datasets.preview').at(-1)).toMatchObject({ offset: 1 });
    expect(draft.preview.value).toMatchObject({ rows: [{ line: 1 }, { line: 2 }], has_more: false });
  });

  it('starts a run with what was chosen and estimated, without empty prompts', async () => {
    const draft = await complete();
    draft.samplePrompts = [
      { system: null, prompt: ' Two rolls ', expected: ' ' },
      { system: null, prompt: '', expected: 'x' },
    ];
    await draft.start('Orders');
    expect(called('runs.create')).toEqual([
      expect.objectContaining({
        name: 'Orders',
        model_path: '/m.gguf',
        data_path: '/d.jsonl',
        sample_prompts: [{ system: null, prompt: 'Two rolls', expected: null }],
        estimated_memory_bytes: 1000,
      }),
    ]);
  });

  it('shows and gives only the settings that the chosen method has', async () => {
    const draft = await complete();
    const names = () => draft.infos.map(({ name }) => name);
    expect(names()).toContain('use_rslora');
    draft.set('method', 'prompt');
    expect(names()).not.toContain('use_rslora');
    await draft.start('Orders');
    const { settings } = called('runs.create')[0] as { settings: object };
    expect(settings).toMatchObject({ method: 'prompt', lora_rank: 16 });
    expect(settings).not.toHaveProperty('use_rslora');
  });
});

describe('isSame', () => {
  it('does not care for the order of layers', () => {
    expect(isSame(['q', 'v'], ['v', 'q'])).toBe(true);
    expect(isSame(['q'], ['q', 'v'])).toBe(false);
    expect(isSame(1, 1)).toBe(true);
  });
});

describe('limitFor', () => {
  it('is round, and never beyond the model', () => {
    expect(limitFor(612, 8192)).toBe(640);
    expect(limitFor(640, 8192)).toBe(640);
    expect(limitFor(9000, 8192)).toBe(8192);
  });
});

describe('the prompts that are answered while it trains', () => {
  const withExamples = (...prompts: string[]) => {
    const examples = prompts.map((prompt) => ({ system: 'Be brief.', prompt, answer: 'So.' }));
    answers['datasets.inspect'] = { ...report, examples };
  };
  const prompted = (draft: Draft) => draft.samplePrompts.map(({ prompt }) => prompt);

  it('are those of some rows, with their answers, and others with another dataset', async () => {
    const draft = new Draft();
    await draft.load();
    draft.chooseModel('/m.gguf');
    await pass(1000);
    withExamples('One?', 'x'.repeat(600), ' Two? ', '3?', '4?', '5?', '6?');
    draft.chooseData('/rows.jsonl');
    await pass(1000);
    expect(prompted(draft)).toEqual(['One?', 'Two?', '3?', '4?', '5?']);
    expect(draft.samplePrompts[0]).toEqual({ system: 'Be brief.', prompt: 'One?', expected: 'So.' });
    withExamples('Other?');
    draft.chooseData('/others.jsonl');
    await pass(1000);
    expect(prompted(draft)).toEqual(['Other?']);
  });

  it('stay as the person wrote them', async () => {
    const draft = new Draft();
    await draft.load();
    draft.chooseModel('/m.gguf');
    await pass(1000);
    withExamples('One?', 'Two?');
    draft.chooseData('/rows.jsonl');
    await pass(1000);
    draft.samplePrompts.splice(0, 1);
    draft.samplePrompts[0]!.expected = 'Mine.';
    draft.editPrompt(0, 'Two!');
    withExamples('Other?');
    draft.chooseData('/others.jsonl');
    await pass(1000);
    expect(draft.samplePrompts).toEqual([{ system: 'Be brief.', prompt: 'Two!', expected: 'Mine.' }]);
  });

  it('lose the answer of their row when the person asks something else', async () => {
    const draft = await complete();
    withExamples('One?');
    draft.chooseData('/rows.jsonl');
    await pass(1000);
    draft.editPrompt(0, 'Another?');
    expect(draft.samplePrompts).toEqual([{ system: 'Be brief.', prompt: 'Another?', expected: null }]);
  });
});

describe('the objective follows from the rows', () => {
  const read = (format: string, available_columns: string[] = []) => {
    answers['datasets.inspect'] = { ...report, data: { format }, available_columns };
  };

  it('pairs are learned as preferences, and other rows after them as answers again', async () => {
    const draft = await complete();
    expect([draft.settings.objective, draft.learns]).toEqual(['sft', 'rows']);
    read('preference');
    draft.chooseData('/pairs.jsonl');
    await pass(1000);
    expect([draft.settings.objective, draft.learns]).toEqual(['dpo', 'pairs']);
    expect(draft.infos.map(({ name }) => name)).toContain('dpo_beta');
    draft.set('objective', 'orpo');
    await pass(1000);
    expect(draft.settings.objective).toBe('orpo');
    read('text');
    draft.chooseData('/d.jsonl');
    await pass(1000);
    expect(draft.settings.objective).toBe('sft');
  });

  it('marked answers are read with their marks only when that is asked for', async () => {
    read('prompt_completion', ['prompt', 'completion', 'label']);
    const draft = await complete();
    expect([draft.settings.objective, draft.mayLearnFromLabels]).toEqual(['sft', true]);
    expect(called('datasets.inspect').at(-1)).not.toMatchObject({ objective: 'kto' });
    read('labelled', ['prompt', 'completion', 'label']);
    draft.set('objective', 'kto');
    await pass(1000);
    expect(called('datasets.inspect').at(-1)).toMatchObject({ objective: 'kto' });
    expect([draft.settings.objective, draft.mayLearnFromLabels]).toEqual(['kto', false]);
  });
});
