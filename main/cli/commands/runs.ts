import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { EXIT, ForjaError } from '../../contracts/errors.ts';
import { openDb, type ForjaDb, type RunRow } from '../../db/index.ts';
import type { Command } from '../lib/command.ts';
import { bytes, count, duration, loss, rate, table } from '../lib/format.ts';
import type { Output } from '../lib/output.ts';

export const runs: Command = {
  name: 'runs',
  summary: 'List the runs, or show one',
  words: ['[RUN]'],
  about: 'RUN is an id, the start of one, or a folder.',
  groups: [],
  run: async ({ words }, output) => {
    const db = openDb();
    try {
      if (words[0] === undefined) list(db, output);
      else show(find(words[0], db), db, output);
      return await Promise.resolve(EXIT.done);
    } finally {
      db.close();
    }
  },
};

function list(db: ForjaDb, output: Output): void {
  const all = db.runs.list();
  for (const run of all) output.row({ type: 'run', ...flat(run) });
  if (all.length === 0) output.text('No runs yet. `forja train --help` shows how to start one.');
  else {
    const rows = all.map((run) => [
      run.id,
      run.name,
      run.status,
      run.total_steps === null ? '–' : `${count(run.steps)}/${count(run.total_steps)}`,
      loss(run.train_loss),
      loss(run.val_loss),
      new Date(run.created_ms).toISOString().slice(0, 16).replace('T', ' '),
      existsSync(run.out_dir) ? run.out_dir : `${run.out_dir} (gone)`,
    ]);
    output.text(table([['ID', 'NAME', 'STATUS', 'STEPS', 'LOSS', 'VAL LOSS', 'CREATED (UTC)', 'FOLDER'], ...rows], ''));
  }
  output.result('runs', { runs: all.length, database_path: db.path });
}

function find(wish: string, db: ForjaDb): RunRow {
  const isFolder = statSync(wish, { throwIfNoEntry: false })?.isDirectory() === true;
  const inFolder = isFolder ? db.runs.inFolder(resolve(wish)) : null;
  const found = inFolder === null ? db.runs.withPrefix(wish) : [inFolder];
  if (found.length === 1) return found[0]!;
  throw new ForjaError(
    'run_not_found',
    found.length === 0 ? `No run is known as ${wish}.` : `${found.length} runs have ids that start with ${wish}.`,
    '`forja runs` lists them.',
    { run: wish, ids: found.map(({ id }) => id) },
  );
}

function show(run: RunRow, db: ForjaDb, output: Output): void {
  const steps = db.metrics.steps(run.id);
  const validations = db.metrics.validations(run.id);
  const checkpoints = db.metrics.checkpoints(run.id);
  const exports = db.exports.ofRun(run.id);
  for (const row of steps) output.row({ type: 'step', ...row });
  for (const row of validations) output.row({ type: 'validation', ...row });
  for (const row of checkpoints) output.row({ type: 'checkpoint', ...row });
  for (const row of exports) output.row({ type: 'export', ...row });

  output.text(`Run ${run.name} (${run.id}): ${run.status}`);
  const settings = JSON.parse(run.settings) as Record<string, unknown>;
  const shown = Object.entries(settings).map(
    ([name, value]) => `${name}=${Array.isArray(value) ? value.join(',') : String(value)}`,
  );
  output.text(
    table([
      ['folder', run.out_dir],
      ['model', withHash(run.model_path, run.model_sha256)],
      ['dataset', withHash(run.dataset_path, run.dataset_sha256)],
      ['steps', `${count(run.steps)} of ${run.total_steps === null ? 'an unknown number' : count(run.total_steps)}`],
      ['losses', `train ${loss(run.train_loss)}, validation ${loss(run.val_loss)}, best ${loss(run.best_val_loss)}`],
      ['speed', run.tokens_per_second === null ? '–' : `${run.tokens_per_second.toFixed(0)} tok/s`],
      ['peak memory', run.peak_memory_bytes === null ? '–' : bytes(run.peak_memory_bytes)],
      ['duration', run.duration_ms === null ? '–' : duration(run.duration_ms)],
      ...(run.error_code === null ? [] : [['error', `${run.error_message ?? ''} (${run.error_code})`]]),
      ['settings', shown.join(' ')],
    ]),
  );
  printSteps(steps, output);
  if (checkpoints.length > 0)
    output.text(`Checkpoints  ${checkpoints.map(({ step, reason }) => `${step} (${reason})`).join(', ')}`);
  for (const one of exports) {
    output.text(
      `Export  ${one.output_path}  ${one.format} ${one.output_type} ${bytes(one.output_bytes)}  ${one.verdict ?? 'not checked'}`,
    );
  }
  output.result('runs', { ...flat(run), ...counts({ steps, validations, checkpoints, exports }) });
}

function withHash(path: string, sha256: string | null): string {
  return sha256 === null ? `${path}  (not read yet)` : `${path}  (SHA-256 ${sha256.slice(0, 12)}…)`;
}

function printSteps(
  steps: { step: number; train_loss: number; learning_rate: number; grad_norm: number }[],
  output: Output,
): void {
  if (steps.length === 0) return;
  const every = Math.max(1, Math.ceil(steps.length / 12));
  const shown = steps.filter((_, at) => at % every === 0 || at === steps.length - 1);
  const rows = shown.map((one) => [
    count(one.step),
    loss(one.train_loss),
    rate(one.learning_rate),
    one.grad_norm.toFixed(2),
  ]);
  output.text(table([['STEP', 'LOSS', 'LR', 'GRAD'], ...rows]));
}

function counts(lists: Record<string, unknown[]>): Record<string, number> {
  return Object.fromEntries(Object.entries(lists).map(([name, rows]) => [`recorded_${name}`, rows.length]));
}

function flat(run: RunRow): Record<string, unknown> {
  return { ...run, settings: JSON.parse(run.settings) as unknown };
}
