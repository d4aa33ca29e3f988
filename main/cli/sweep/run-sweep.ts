import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { toReport } from '../../contracts/errors.ts';
import type { RunFile } from '../../contracts/run-file.ts';
import type { ForjaDb } from '../../db/index.ts';
import { rungs, type Search, type Trial } from '../../domain/sweep.ts';
import {
  prepareRun,
  reopenRun,
  RunFolder,
  startRun,
  type Checkpoint,
  type RunRequest,
  type RunningRun,
} from '../../runs/index.ts';

/** A run of a sweep, and how far it came. */
export interface TrialState {
  /** From 1. */
  trial: number;
  out_dir: string;
  varied: Trial;
  status: RunFile['status'] | 'waiting';
  steps: number;
  total_steps: number | null;
  /** The lowest validation loss; null until it was validated. */
  best_val_loss: number | null;
  /** Why it failed. */
  error: string | null;
}

export interface SweepPlan {
  search: Search;
  trials: readonly Trial[];
  out_dir: string;
  /** What all runs share; out_dir and the varied settings are filled in. */
  request: Omit<RunRequest, 'out_dir' | 'overwrite'>;
  /** When no further run is started, and the one that trains is stopped; null without a limit. */
  ends_ms: number | null;
}

export interface SweepHooks {
  /** A run began, came to a validation, or ended. */
  onTrial: (state: TrialState) => void;
  signal: AbortSignal;
  /** The run that trains now, to be ended at once; null when none does. */
  onRunning: (running: RunningRun | null) => void;
}

/**
 * Trains the runs of a sweep one after another. What was done by an earlier call for the same folder is not done again: completed
 * runs count as they are, others go on from their checkpoints.
 *
 * @returns the runs in their order; one that fails does not end the sweep
 * @throws ForjaError what is wrong with model or dataset, before any run was made
 */
export async function runSweep(plan: SweepPlan, db: ForjaDb, hooks: SweepHooks): Promise<TrialState[]> {
  const digits = String(plan.trials.length).length;
  const states = plan.trials.map((varied, at): TrialState => ({
    trial: at + 1,
    out_dir: join(plan.out_dir, `trial-${String(at + 1).padStart(digits, '0')}`),
    varied,
    status: 'waiting',
    steps: 0,
    total_steps: null,
    best_val_loss: null,
    error: null,
  }));
  const isOver = () => hooks.signal.aborted || (plan.ends_ms !== null && Date.now() >= plan.ends_ms);
  let going = states;
  for (const share of plan.search === 'halving' ? rungs(states.length) : [1]) {
    for (const state of going) {
      if (isOver()) return states;
      await advance(state, share, plan, db, hooks);
    }
    going = betterHalf(going);
  }
  return states;
}

/** The better half by the validation loss, at least one; those that failed go on no further. */
export function betterHalf(states: readonly TrialState[]): TrialState[] {
  const able = states.filter(({ status, best_val_loss }) => status !== 'failed' && best_val_loss !== null);
  return able
    .toSorted((a, b) => a.best_val_loss! - b.best_val_loss!)
    .slice(0, Math.max(1, Math.ceil(states.length / 2)));
}

/** Trains one run until it has done a share of its steps, and was validated there. */
async function advance(state: TrialState, share: number, plan: SweepPlan, db: ForjaDb, hooks: SweepHooks) {
  const before = new RunFolder(state.out_dir);
  if (before.holdsRun()) note(state, before.read());
  if (state.status === 'completed' || isAt(state, share)) return;
  try {
    const prepared = await open(state, plan, db, hooks.signal);
    const { run, folder, from } = prepared;
    const timer = plan.ends_ms === null ? null : setTimeout(() => running.send('stop'), plan.ends_ms - Date.now());
    const stop = () => running.send('stop');
    const running = startRun(prepared, from, db, {
      onEvent: (event) => {
        if (event.type === 'plan') state.total_steps = event.data.total_steps;
        if (event.type === 'step') state.steps = event.data.step;
        if (event.type !== 'validation' || event.data.step === 0) return;
        if (event.data.is_best) state.best_val_loss = event.data.val_loss;
        hooks.onTrial(state);
        if (share < 1 && isAt(state, share)) stop();
      },
    });
    hooks.onRunning(running);
    hooks.signal.addEventListener('abort', stop, { once: true });
    state.status = 'training';
    hooks.onTrial(state);
    try {
      await running.finished;
    } finally {
      if (timer !== null) clearTimeout(timer);
      hooks.signal.removeEventListener('abort', stop);
      hooks.onRunning(null);
      note(state, run);
      if (existsSync(folder.runFile)) note(state, folder.read());
    }
  } catch (error) {
    if (hooks.signal.aborted && state.status !== 'failed') return;
    // Nothing was trained yet: the other runs would fail for the same reason.
    if (state.trial === 1 && state.steps === 0) throw error;
    state.status = 'failed';
    state.error = toReport(error).message;
  }
  hooks.onTrial(state);
}

async function open(state: TrialState, plan: SweepPlan, db: ForjaDb, signal: AbortSignal) {
  if (new RunFolder(state.out_dir).holdsRun()) return await reopenRun(state.out_dir, {}, db);
  const request = { ...plan.request, out_dir: state.out_dir, overwrite: false };
  const settings = { ...plan.request.settings, ...state.varied };
  return { ...(await prepareRun({ ...request, settings }, db, { signal })), from: null as Checkpoint | null };
}

function note(state: TrialState, { status, steps, total_steps, result, error }: RunFile): void {
  Object.assign(state, { status, steps, total_steps, error: error?.message ?? null });
  state.best_val_loss = result?.best_val_loss ?? state.best_val_loss;
}

function isAt({ steps, total_steps, best_val_loss }: TrialState, share: number): boolean {
  return total_steps !== null && best_val_loss !== null && steps >= share * total_steps;
}
