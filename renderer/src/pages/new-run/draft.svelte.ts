import type {
  CheckpointChoice,
  DatasetChoices,
  DatasetReport,
  IpcResponse,
  ModelInfo,
  Plan,
  Preset,
  RunCheckpoint,
  RunDetail,
  RunSummary,
  SamplePrompt,
  SettingInfo,
  TrainSettings,
} from '../../../../main/contracts/ipc.ts';
import { call } from '../../api/bridge.svelte.ts';
import type { NumberProblem } from '../../components/number.ts';
import { doctor } from '../../state/doctor.svelte.ts';
import { Latest } from '../../state/latest.svelte.ts';
import { settings as appSettings } from '../../state/settings.svelte.ts';

export type Preview = IpcResponse<'datasets.preview'>;
export type SettingValue = TrainSettings[keyof TrainSettings];

/** What keeps a run from starting, in the order in which a person meets it. */
export type Obstacle = 'needsModel' | 'needsTrainable' | 'needsData' | 'needsReading' | 'needsRows' | 'needsSettings';

const PREVIEW_ROWS = 8;
/** So many prompts of the dataset are answered while it trains, unless the person says otherwise; no longer ones than this. */
const SUGGESTED_PROMPTS = 5;
const SUGGESTED_CHARS = 500;
/** Waits in ms until typing pauses: a dataset is read through, an estimate is quick. */
const READ_DELAY = 500;
const ESTIMATE_DELAY = 200;
/**
 * A fine-tune that is being put together: what was chosen, and what the core says of it. Each choice asks anew for what depends
 * on it: the model's for all, the dataset's for rows and estimate, a setting's for the estimate.
 */
export class Draft {
  #modelPath = $state<string | null>(null);
  #dataPath = $state<string | null>(null);
  #choices = $state<Omit<DatasetChoices, 'data_path'>>({
    val_path: null,
    val_share: 0.05,
    format: 'auto',
    columns: {},
    template: 'auto',
  });
  #settings = $state<Partial<TrainSettings>>({});
  #infos = $state.raw<readonly SettingInfo[]>([]);
  #presets = $state.raw<readonly Preset[]>([]);
  /** What `reset` puts back. */
  #standard = $state.raw<Partial<TrainSettings>>({});
  #problems = $state<Partial<Record<string, NumberProblem>>>({});
  /** Empty: the suggested name is taken. */
  name = $state('');
  samplePrompts = $state<SamplePrompt[]>([]);
  /** What was put into samplePrompts from the rows; while both are the same, the person has not written any. */
  #suggestedPrompts: readonly SamplePrompt[] = [];

  readonly model = new Latest<ModelInfo>();
  readonly dataset = new Latest<DatasetReport>();
  readonly preview = new Latest<Preview>();
  readonly plan = new Latest<Plan>();

  get modelPath(): string | null {
    return this.#modelPath;
  }

  get dataPath(): string | null {
    return this.#dataPath;
  }

  get choices(): Omit<DatasetChoices, 'data_path'> {
    return this.#choices;
  }

  get settings(): Partial<TrainSettings> {
    return this.#settings;
  }

  /** The settings that a run of the chosen method and objective has, in the order of the screen. */
  get infos(): readonly SettingInfo[] {
    const { method, objective } = this.#settings;
    const has = (values: readonly string[] | null, value: string | undefined) =>
      values === null || value === undefined || values.includes(value);
    return this.#infos.filter((info) => has(info.methods, method) && has(info.objectives, objective));
  }

  /** What is given to the core: a setting of another method or objective would be refused. */
  get #given(): Partial<TrainSettings> {
    const names = new Set<string>(this.infos.map(({ name }) => name));
    return Object.fromEntries(Object.entries(this.#settings).filter(([name]) => names.has(name)));
  }

  get presets(): readonly Preset[] {
    return this.#presets;
  }

  get problems(): Partial<Record<string, NumberProblem>> {
    return this.#problems;
  }

  // No $derived here: it would belong to the screen that made the draft, and be stale once one came back to another.
  get changedNames(): string[] {
    return this.infos
      .filter((info) => !isSame(valueOf(this.#settings, info.name), valueOf(this.#standard, info.name)))
      .map((info) => info.name);
  }

  get obstacle(): Obstacle | null {
    if (this.model.value === null) return 'needsModel';
    if (!this.model.value.trainable) return 'needsTrainable';
    if (this.#dataPath === null) return 'needsData';
    if (this.dataset.isBusy) return 'needsReading';
    if (this.dataset.value === null || this.dataset.value.train.rows === 0) return 'needsRows';
    return Object.keys(this.#problems).length > 0 ? 'needsSettings' : null;
  }

  /** What the rows that were read are to each other; null before they were read. */
  get learns(): 'rows' | 'pairs' | 'labelled' | null {
    const format = this.dataset.value?.data.format;
    if (format === undefined) return null;
    return format === 'preference' ? 'pairs' : format === 'labelled' ? 'labelled' : 'rows';
  }

  /** The rows may be answers that are marked as good or bad, and are read as answers to learn. */
  get mayLearnFromLabels(): boolean {
    const { value } = this.dataset;
    return value?.data.format === 'prompt_completion' && value.available_columns.includes('label');
  }

  /** Loads the settings and presets, and fills in their defaults with what the person set for the app. */
  async load(): Promise<void> {
    if (this.#infos.length > 0) return;
    const { presets, settings } = await call('presets.list');
    this.#infos = settings;
    this.#presets = presets;
    this.reset();
    doctor.need();
  }

  /** Puts all settings back: first the defaults, over them the default presets, over them the app's own. */
  reset(): void {
    const defaults: Record<string, unknown> = {};
    for (const info of this.#infos) defaults[info.name] = info.default;
    for (const preset of this.#presets) if (preset.is_default) Object.assign(defaults, preset.values);
    const { device, threads, checkpoints_kept } = appSettings.current;
    this.#standard = { ...(defaults as Partial<TrainSettings>), device, threads, checkpoints_kept };
    this.#settings = { ...this.#standard };
    this.#problems = {};
    this.#read(0);
    this.#estimate();
  }

  chooseModel(path: string): void {
    // What was said of another model says nothing of this one.
    if (path !== this.#modelPath) this.plan.clear();
    this.#modelPath = path;
    this.preview.clear();
    this.model.ask(
      () => call('models.inspect', { path }),
      0,
      () => {
        this.#read(0);
        this.#estimate(0);
      },
    );
  }

  chooseData(path: string): void {
    // What was said of the last file says nothing of this one; a validation file may have been chosen before the first.
    const val_path = this.#dataPath === null ? this.#choices.val_path : null;
    this.#dataPath = path;
    this.#choices = { ...this.#choices, format: 'auto', columns: {}, val_path };
    // What the new rows are is not known yet.
    this.#takeObjective('sft');
    this.dataset.clear();
    this.preview.clear();
    this.#read(0);
  }

  /**
   * Takes a run's model, dataset and settings over. With one of its checkpoints the new run starts from that adapter; a seed and a
   * machine's settings are taken over as well, so that it is the same run but for what is changed now.
   */
  takeOver(run: RunDetail, checkpoint: CheckpointChoice | null): void {
    const { val_path, val_share, format, columns, template } = run;
    const from = checkpoint === null ? undefined : run.checkpoints.find((one) => isState(one, checkpoint));
    this.#settings = {
      ...this.#standard,
      ...run.settings,
      ...(from === undefined ? {} : { init_adapter_path: `${from.path}/adapter.gguf` }),
    };
    this.#problems = {};
    this.#dataPath = run.dataset_path;
    this.#choices = { val_path, val_share: val_path === null ? val_share : 0, format, columns, template };
    this.samplePrompts = structuredClone(run.sample_prompts);
    this.dataset.clear();
    this.chooseModel(run.model_path);
  }

  /** Changes how the dataset is read. */
  chooseReading(change: Partial<Omit<DatasetChoices, 'data_path'>>): void {
    this.#choices = { ...this.#choices, ...change };
    this.#read('val_share' in change ? READ_DELAY : 0);
  }

  /** Changes a setting; a number that can't be taken is told by `tellProblem` instead. */
  set(name: string, value: unknown): void {
    Object.assign(this.#settings, { [name]: value });
    this.tellProblem(name, null);
    if (this.#infos.find((info) => info.name === name)?.affects.includes('dataset') === true) this.#read(READ_DELAY);
    this.#estimate();
  }

  tellProblem(name: string, problem: NumberProblem | null): void {
    const { [name]: _before, ...others } = this.#problems;
    this.#problems = problem === null ? others : { ...others, [name]: problem };
  }

  /** Changes a prompt to compare; the answer that a row has to another one is no answer to it. */
  editPrompt(index: number, text: string): void {
    const one = this.samplePrompts[index];
    if (one === undefined) return;
    const isOfRow = this.#suggestedPrompts.some(
      ({ prompt, expected }) => prompt === one.prompt && expected === one.expected,
    );
    this.samplePrompts[index] = { ...one, prompt: text, ...(isOfRow && text !== one.prompt ? { expected: null } : {}) };
  }

  applyPreset(preset: Preset): void {
    for (const [name, value] of Object.entries(preset.values)) this.set(name, value);
  }

  /** The preset of a group that the settings are like now; null when they are like none. */
  presetOf(group: Preset['group']): Preset | null {
    const isLike = (preset: Preset) =>
      Object.entries(preset.values).every(([name, value]) => isSame(valueOf(this.#settings, name), value));
    return this.#presets.find((preset) => preset.group === group && isLike(preset)) ?? null;
  }

  /** Loads the next rows of the preview behind those that are there. */
  async showMore(): Promise<void> {
    const shown = this.preview.value;
    if (shown === null) return;
    const request = this.#previewRequest(shown.rows.length);
    if (request === null) return;
    const more = await call('datasets.preview', request);
    if (this.preview.value !== shown) return;
    this.preview.set({ rows: [...shown.rows, ...more.rows], has_more: more.has_more });
  }

  /**
   * Puts the run into the queue.
   *
   * @throws ApiError when the core refuses it
   */
  async start(name: string): Promise<RunSummary> {
    const plan = this.plan.value;
    return await call('runs.create', {
      ...this.#choices,
      data_path: this.#dataPath ?? '',
      name,
      model_path: this.#modelPath ?? '',
      settings: this.#given,
      sample_prompts: $state
        .snapshot(this.samplePrompts)
        .map((one) => ({ ...one, prompt: one.prompt.trim(), expected: one.expected?.trim() || null }))
        .filter(({ prompt }) => prompt !== ''),
      estimated_memory_bytes: plan?.memory.total_bytes ?? null,
    });
  }

  /** Reads the dataset and its first rows, once there is a model to read them for. */
  #read(delay_ms: number): void {
    const model_path = this.#modelPath;
    const data_path = this.#dataPath;
    const preview = this.#previewRequest(0);
    if (model_path === null || data_path === null || preview === null || this.model.value === null) return;
    const { max_seq_len, text_overlap_tokens } = preview;
    const { split_seed = 1 } = this.#settings;
    const choices = { ...this.#choices, data_path };
    const { objective } = preview;
    this.preview.ask(() => call('datasets.preview', preview), delay_ms);
    this.dataset.ask(
      () =>
        call('datasets.inspect', { ...choices, model_path, max_seq_len, text_overlap_tokens, split_seed, objective }),
      delay_ms,
      ({ examples }) => {
        this.#fitObjective();
        this.#suggestPrompts(examples);
        this.#estimate(0);
      },
    );
  }

  /** Takes an objective that can learn from the rows: from pairs, preferences; from others, their answers. */
  #fitObjective(): void {
    const { objective } = this.#settings;
    if (this.learns === 'pairs' && objective !== 'dpo' && objective !== 'orpo') this.#takeObjective('dpo');
    if (this.learns === 'rows') this.#takeObjective('sft');
  }

  #takeObjective(objective: NonNullable<TrainSettings['objective']>): void {
    if (this.#settings.objective === undefined) return;
    Object.assign(this.#settings, { objective });
  }

  /** Takes what a few rows ask and answer, as long as the person has written nothing. */
  #suggestPrompts(examples: DatasetReport['examples']): void {
    if (JSON.stringify(this.samplePrompts) !== JSON.stringify(this.#suggestedPrompts)) return;
    this.#suggestedPrompts = examples
      .filter(({ prompt, answer }) => prompt.trim() !== '' && prompt.length + answer.length <= SUGGESTED_CHARS)
      .slice(0, SUGGESTED_PROMPTS)
      .map(({ system, prompt, answer }) => ({ system, prompt: prompt.trim(), expected: answer.trim() }));
    this.samplePrompts = structuredClone([...this.#suggestedPrompts]);
  }

  #previewRequest(offset: number) {
    const model_path = this.#modelPath;
    const data_path = this.#dataPath;
    if (model_path === null || data_path === null) return null;
    const { max_seq_len = 512, text_overlap_tokens = 0 } = this.#settings;
    const { format, columns, template } = this.#choices;
    // Marked answers can be read in two ways, so it must be said; pairs are known by themselves.
    const objective = this.#settings.objective === 'kto' ? ('kto' as const) : undefined;
    const reading = { data_path, model_path, format, columns, template, max_seq_len, text_overlap_tokens, objective };
    return { ...reading, offset, limit: PREVIEW_ROWS };
  }

  #estimate(delay_ms = ESTIMATE_DELAY): void {
    const model_path = this.#modelPath;
    if (model_path === null || this.model.value?.trainable !== true) {
      this.plan.clear();
      return;
    }
    this.plan.ask(async () => {
      const { train = null, val = null, split } = this.dataset.value ?? {};
      return await call('estimates.plan', {
        model_path,
        settings: this.#given,
        dataset:
          train === null
            ? null
            : {
                rows: train.rows,
                val_rows: split?.held_out_rows ?? val?.rows ?? 0,
                tokens: train.tokens,
                supervised_tokens: train.supervised_tokens,
                max_tokens: train.max_tokens,
              },
      });
    }, delay_ms);
  }
}

function isState({ reason, step }: RunCheckpoint, choice: CheckpointChoice): boolean {
  return choice === 'best' ? reason === 'best' : step === choice && reason !== 'best';
}

/** A setting's value by its name. */
export function valueOf(settings: Partial<TrainSettings>, name: string): unknown {
  return (settings as Record<string, unknown>)[name];
}

/** Whether two settings' values are the same; the order of target_modules says nothing. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((one) => b.includes(one));
  }
  return a === b;
}

/** The draft outlives the screen, so that a look at another one loses nothing. */
let current: Draft | null = null;

export function currentDraft(): Draft {
  return (current ??= new Draft());
}

/** Begins anew, after a run was started. */
export function dropDraft(): void {
  current = null;
}
