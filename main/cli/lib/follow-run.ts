import { shellWord } from '../../contracts/commands.ts';
import { EXIT, type ExitCode } from '../../contracts/errors.ts';
import type { TrainerEvent } from '../../contracts/protocol.ts';
import type { PlanData, StepData, TrainResult } from '../../contracts/protocol-types.ts';
import type { ForjaDb } from '../../db/index.ts';
import { startRun, type Checkpoint, type RunFolder } from '../../runs/index.ts';
import { bytes, count, duration, loss, plural, rate } from './format.ts';
import { onInterrupt } from './interrupts.ts';
import type { Output } from './output.ts';

/** How many steps of a run stay on the screen. */
const STEPS_SHOWN = 20;

/**
 * Starts a prepared run and tells how it goes until it has ended. Ctrl-C once writes a checkpoint and stops, twice ends it.
 *
 * @returns the exit code, and the run's result
 * @throws the trainer's error
 */
export async function followRun(
  prepared: Parameters<typeof startRun>[0],
  from: Checkpoint | null,
  db: ForjaDb,
  output: Output,
): Promise<{ exit_code: ExitCode; result: TrainResult }> {
  const running = startRun(prepared, from, db, {
    onEvent: (event, line) => {
      output.event(event, line);
      show(event, output);
    },
    onRecordTrouble: ({ message }) => {
      output.warn(
        `The run can't be recorded any more: ${message}`,
        'The training goes on; its folder has the checkpoints.',
      );
    },
  });
  const interrupts = onInterrupt(
    () => {
      output.warn(
        'Stopping: writing a checkpoint.',
        'Ctrl-C again ends it at once, with what was learned since the last one lost.',
      );
      running.send('stop');
    },
    () => running.kill(),
  );
  try {
    const result = await running.finished;
    output.keep();
    printEnd(result, prepared.folder, output);
    return { exit_code: result.status === 'stopped' ? EXIT.stopped : EXIT.done, result };
  } finally {
    interrupts.release();
  }
}

function show(event: TrainerEvent, output: Output): void {
  switch (event.type) {
    case 'status':
      if (event.data.phase !== 'training') output.progress(`  ${event.data.phase.replace('_', ' ')} …`);
      break;
    case 'plan':
      printPlan(event.data, output);
      break;
    case 'step':
      output.progress(stepLine(event.data), isMilestone(event.data));
      break;
    case 'validation':
      output.progress(
        `  step ${count(event.data.step)}  validation loss ${loss(event.data.val_loss)}, perplexity ` +
          `${event.data.perplexity.toFixed(2)}${figures(event.data.metrics)}${event.data.is_best ? '  (best so far)' : ''}`,
        true,
      );
      break;
    case 'warning':
      output.warn(event.data.message, event.data.hint);
      break;
    default:
  }
}

/** What a preference run is about: whether the better answers win, and by how much. */
function figures(metrics: Record<string, number> = {}): string {
  return [
    ['reward_accuracy', 'accuracy'],
    ['reward_margin', 'margin'],
    ['kl', 'drift'],
  ]
    .map(([name, label]) => [label, metrics[name!]] as const)
    .filter(([, value]) => value !== undefined)
    .map(([label, value]) => `  ${label} ${value!.toFixed(3)}`)
    .join('');
}

function isMilestone({ step, total_steps }: StepData): boolean {
  return step === 1 || step === total_steps || step % Math.max(1, Math.round(total_steps / STEPS_SHOWN)) === 0;
}

function printPlan(plan: PlanData, output: Output): void {
  output.text(
    `Training  ${plan.architecture} ${plan.base_type}, ${count(plan.trainable_parameters)} trainable parameters, ` +
      `${plan.device} with ${plural(plan.threads, 'thread')}`,
  );
  output.text(
    `  ${stepsText(plan)}` +
      (plan.val_rows === 0 ? '' : `; ${plural(plan.val_rows, 'row')} to validate on`) +
      (plan.start_step === 0 ? '' : `; going on after step ${count(plan.start_step)}`),
  );
}

/** How long a run is, and how much of the dataset it sees. */
function stepsText({ total_steps, steps_per_epoch, rows, dataset_rows = 0 }: PlanData): string {
  const all = Math.max(rows, dataset_rows);
  if (total_steps >= steps_per_epoch)
    return `${plural(total_steps, 'step')}, ${count(steps_per_epoch)} an epoch, over ${plural(all, 'row')}`;
  const seen = Math.round((total_steps * all) / steps_per_epoch);
  const sees = total_steps === 1 ? 'sees' : 'see';
  return `${plural(total_steps, 'step')} ${sees} ${count(seen)} of ${count(all)} rows, chosen at random`;
}

function stepLine(step: StepData): string {
  const total = count(step.total_steps);
  return (
    `  step ${count(step.step).padStart(total.length)}/${total}  loss ${loss(step.train_loss)}${figures(step.metrics)}  lr ${rate(step.learning_rate)}` +
    `  grad ${step.grad_norm.toFixed(2)}  ${Math.round(step.tokens_per_second)} tok/s` +
    `  ${bytes(step.peak_memory_bytes)}  ETA ${duration(step.eta_ms)}`
  );
}

/** What a run came to, and what to do with it. */
export function printEnd(
  result: Omit<TrainResult, 'job' | 'adapter_path' | 'last_checkpoint_path'>,
  folder: RunFolder,
  output: Output,
): void {
  const isStopped = result.status === 'stopped';
  output.text(`${isStopped ? 'Stopped' : 'Done'}: ${plural(result.steps, 'step')} in ${duration(result.duration_ms)}`);
  output.text(
    `  train loss ${loss(result.train_loss)}` +
      (result.val_loss === null
        ? ''
        : `, validation loss ${loss(result.val_loss)} (best ${loss(result.best_val_loss)})`) +
      `, ${result.tokens_per_second.toFixed(0)} tok/s, peak memory ${bytes(result.peak_memory_bytes)}`,
  );
  const dir = shellWord(folder.dir, process.platform === 'win32');
  output.text(
    isStopped
      ? `  Go on with: forja resume ${dir}`
      : `  Adapter: ${folder.adapterFile}\n  Next: forja chat --run ${dir}, or forja export --run ${dir} --output FILE.gguf`,
  );
}
