import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { shellWord } from '../../contracts/commands.ts';
import { EXIT } from '../../contracts/errors.ts';
import { completeJob } from '../../contracts/protocol.ts';
import { openDb } from '../../db/index.ts';
import { drawn, gridOf, readVaried, SEARCHES, type Search, type Trial, type Varied } from '../../domain/sweep.ts';
import { writeWhole, type RunningRun } from '../../runs/index.ts';
import type { Arguments, Command } from '../lib/command.ts';
import { DATASET_OPTIONS, datasetChoices } from '../lib/dataset-options.ts';
import { count, loss, plural } from '../lib/format.ts';
import { onInterrupt } from '../lib/interrupts.ts';
import type { Output } from '../lib/output.ts';
import { usage } from '../lib/parse.ts';
import { givenSettings, trainSettingGroups, trainSettingNames } from '../lib/settings.ts';
import { runSweep, type TrialState } from '../sweep/run-sweep.ts';

const DEFAULT_RUNS = 8;

export const sweep: Command = {
  name: 'sweep',
  summary: 'Train several runs with different settings, and find the best',
  about:
    'All runs hold out the same rows, and the lowest validation loss is the best. With --search halving all runs begin, and time and ' +
    'again the better half goes on: the others stay as they are and can go on by `forja resume`. Ctrl-C stops with a checkpoint; the ' +
    'same command goes on from there. Each run is a folder in --out, and sweep.json there has the table.',
  groups: [
    {
      title: 'What',
      options: [
        { flag: 'model', kind: 'string', value: 'GGUF', required: true, help: 'the base model' },
        { flag: 'data', kind: 'string', value: 'FILE', required: true, help: 'the dataset' },
        { flag: 'val', kind: 'string', value: 'FILE', help: 'a dataset to validate on' },
        {
          flag: 'val-share',
          kind: 'number',
          help: 'share of the rows to validate on where there is no --val',
          default: '0.1',
        },
        { flag: 'out', kind: 'string', value: 'DIR', required: true, help: "the folder of the runs' folders" },
      ],
    },
    {
      title: 'Search',
      options: [
        {
          flag: 'vary',
          kind: 'string',
          value: 'NAME=VALUES',
          required: true,
          repeated: true,
          help: 'a setting and what to try: learning_rate=1e-4,3e-4 or, at random, =1e-5..1e-3; may be repeated',
        },
        {
          flag: 'search',
          kind: 'string',
          choices: SEARCHES,
          help: 'every combination, some at random, or halving',
          default: 'grid',
        },
        { flag: 'max-runs', kind: 'number', help: 'most runs', default: `all of a grid, else ${DEFAULT_RUNS}` },
        { flag: 'max-hours', kind: 'number', help: 'hours after which no run goes on', default: 'no limit' },
        { flag: 'sweep-seed', kind: 'number', help: 'what is drawn at random', default: '1' },
      ],
    },
    { title: 'Dataset', options: DATASET_OPTIONS },
    ...trainSettingGroups('start'),
  ],
  examples: [
    'forja sweep --model SmolLM2.gguf --data rows.jsonl --out sweeps/rate --vary learning_rate=1e-4,3e-4,1e-3 --vary lora_rank=8,32',
    'forja sweep --model SmolLM2.gguf --data rows.jsonl --out sweeps/wide --vary learning_rate=1e-5..1e-2 --search halving --max-runs 16',
  ],
  run: async (args, output) => {
    const { options } = args;
    const out_dir = resolve(options.out as string);
    const search = (options.search as Search | undefined) ?? 'grid';
    const varied = (options.vary as string[]).map(readVaried);
    const shared = givenSettings('train', trainSettingNames('start'), args);
    const trials = trialsOf(varied, search, options);
    for (const trial of trials) {
      // A combination that no run can have is told before the first one trains.
      completeJob('train', { ...shared, ...trial, model_path: '-', train_tokens_path: '-', out_dir: '-' });
    }
    const hours = options['max-hours'] as number | undefined;
    const val_path = (options.val as string | undefined) ?? null;
    const val_share = val_path === null ? ((options['val-share'] as number | undefined) ?? 0.1) : 0;
    if (val_path === null && val_share === 0) {
      throw usage('A sweep needs rows to validate on.', 'Give --val-share above 0, or --val.', { option: 'val-share' });
    }
    mkdirSync(out_dir, { recursive: true });
    output.text(`Sweep  ${search}, ${plural(trials.length, 'run')} in ${out_dir}`);

    const db = openDb();
    const abort = new AbortController();
    let running: RunningRun | null = null;
    const interrupts = onInterrupt(
      () => {
        output.warn('Stopping: writing a checkpoint. The same command goes on from here.');
        abort.abort();
      },
      () => running?.kill(),
    );
    try {
      const states = await runSweep(
        {
          ...{ search, trials, out_dir },
          request: {
            ...datasetChoices(args),
            ...{ model_path: options.model as string, data_path: options.data as string, val_path, val_share },
            insists_on_split: true,
            settings: shared,
          },
          ends_ms: hours === undefined ? null : Date.now() + hours * 3_600_000,
        },
        db,
        { signal: abort.signal, onRunning: (now) => (running = now), onTrial: (state) => tell(state, output) },
      );
      writeWhole(
        join(out_dir, 'sweep.json'),
        `${JSON.stringify({ forja_sweep: 1, search, trials: states }, null, 2)}\n`,
      );
      return report(states, out_dir, abort.signal.aborted, output);
    } finally {
      interrupts.release();
      db.close();
    }
  },
};

function trialsOf(varied: readonly Varied[], search: Search, options: Arguments['options']): Trial[] {
  const most = options['max-runs'] as number | undefined;
  if (most !== undefined && !(Number.isInteger(most) && most >= 1)) {
    throw usage('--max-runs takes a whole number from 1.', 'See `forja sweep --help`.', { option: 'max-runs' });
  }
  if (search === 'grid') {
    const all = gridOf(varied);
    if (most === undefined || all.length <= most) return all;
    throw usage(
      `The grid has ${all.length} combinations, more than --max-runs ${most}.`,
      'Raise --max-runs, vary less, or use --search random.',
      { option: 'max-runs', combinations: all.length },
    );
  }
  return drawn(varied, most ?? DEFAULT_RUNS, (options['sweep-seed'] as number | undefined) ?? 1);
}

function tell(state: TrialState, output: Output): void {
  const { trial, status, steps, total_steps, best_val_loss, varied } = state;
  output.row({ type: 'sweep_trial', ...flat(state) });
  output.progress(
    `  run ${trial} (${worded(varied)}): ${status}, step ${count(steps)}${total_steps === null ? '' : ` of ${count(total_steps)}`}, ` +
      `best validation loss ${loss(best_val_loss)}`,
    status !== 'training',
  );
}

const worded = (varied: Trial) =>
  Object.entries(varied)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join('+') : String(value)}`)
    .join(', ');

const flat = ({ varied, ...state }: TrialState) => ({ ...state, ...varied });

/** The table, the best first; what was saved; what to do with the best. */
function report(states: readonly TrialState[], out_dir: string, isStopped: boolean, output: Output) {
  const ranked = states.toSorted((a, b) => (a.best_val_loss ?? Infinity) - (b.best_val_loss ?? Infinity));
  const best = ranked[0]?.best_val_loss == null ? null : ranked[0];
  output.text('\nBest validation loss, the best first');
  for (const one of ranked) {
    const { trial, status, steps, best_val_loss, varied, error } = one;
    output.text(
      `  ${loss(best_val_loss).padStart(8)}  run ${trial}: ${worded(varied)} (${status}, ${plural(steps, 'step')})`,
    );
    if (error !== null) output.text(`            ${error}`);
  }
  const full = Math.max(0, ...states.map(({ total_steps }) => total_steps ?? 0));
  const steps = states.reduce((sum, one) => sum + one.steps, 0);
  const all = states.reduce((sum, one) => sum + (one.total_steps ?? full), 0);
  if (steps < all) {
    output.text(
      `Done: ${count(steps)} of ${count(all)} steps; ${Math.round((100 * (all - steps)) / all)} % were saved or are left.`,
    );
  }
  if (best !== null) {
    const dir = shellWord(best.out_dir, process.platform === 'win32');
    output.text(`Best: ${dir}\n  Next: forja chat --run ${dir}, or forja export --run ${dir} --output FILE.gguf`);
  }
  const exit_code = isStopped ? EXIT.stopped : EXIT.done;
  output.result(
    'sweep',
    {
      ...{ status: isStopped ? 'stopped' : 'completed', out_dir, runs: states.length, steps, steps_left: all - steps },
      completed_runs: states.filter(({ status }) => status === 'completed').length,
      failed_runs: states.filter(({ status }) => status === 'failed').length,
      ...{
        best_run: best?.trial ?? null,
        best_out_dir: best?.out_dir ?? null,
        best_val_loss: best?.best_val_loss ?? null,
      },
      ...best?.varied,
    },
    exit_code,
  );
  return exit_code;
}
