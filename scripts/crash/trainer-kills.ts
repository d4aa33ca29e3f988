import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Dice } from '../fuzz/dice.ts';
import { checkpointsOf, difference, outcomeOf, type Place } from './place.ts';

const STEPS = 12;

/** When a trainer is killed. */
type Moment =
  | { kind: 'after'; ms: number }
  /** So many microseconds after this step's event, which is when its checkpoint is written. */
  | { kind: 'step'; step: number; us: number }
  /** So many microseconds after the n-th sign of a checkpoint that is being written. */
  | { kind: 'writing'; nth: number; us: number };

export interface KillCounts {
  kills: number;
  runs: number;
  /** Kills that left a half-written checkpoint behind. */
  half_written: number;
  by_moment: Record<string, number>;
  faults: string[];
}

/**
 * Kills the trainer at random moments, two thirds of them around the writing of a checkpoint, resumes from what is in place, kills
 * again, until the run is through; then its bytes must be those of a run that nobody killed.
 */
export async function killTrainer(place: Place, kills: number, seed: number): Promise<KillCounts> {
  const tokens = place.path('rows.fjt');
  tokenize(place, tokens);
  const job = (out: string, resume: string | null) => {
    const path = place.path('job.json');
    const settings = {
      ...{
        protocol_major: 1,
        type: 'train',
        model_path: place.model,
        train_tokens_path: tokens,
        out_dir: out,
        resume_path: resume,
      },
      ...{
        lora_rank: 4,
        lora_alpha: 8,
        learning_rate: 1e-3,
        micro_batch_size: 2,
        gradient_accumulation_steps: 2,
        max_seq_len: 128,
      },
      ...{
        max_steps: STEPS,
        checkpoint_steps: 1,
        checkpoints_kept: 2,
        seed: 3,
        threads: 1,
        device: 'cpu',
        lora_dropout: 0.1,
      },
    };
    writeFileSync(path, JSON.stringify(settings));
    return path;
  };
  const whole = place.path('whole');
  mkdirSync(whole);
  const began = Date.now();
  const reference = await runTrainer(place.trainer, job(whole, null), whole, null);
  if (reference.code !== 0) throw new Error(`The run that nobody kills ended with ${reference.code ?? 'a signal'}.`);
  const duration_ms = Date.now() - began;
  const wanted = outcomeOf(whole);
  const sizes = new Map(
    ['adapter.gguf', 'state.gguf'].map((name) => [name, statSync(join(checkpointsOf(whole)[0]!, name)).size]),
  );

  const counts: KillCounts = { kills: 0, runs: 0, half_written: 0, by_moment: {}, faults: [] };
  for (; counts.kills < kills; counts.runs++) {
    const out = place.path(`killed-${counts.runs}`);
    mkdirSync(out);
    for (let attempt = 0; ; attempt++) {
      const dice = new Dice(seed, counts.runs * 1000 + attempt);
      const from = checkpointsOf(out).at(-1) ?? null;
      const moment = attempt > 40 ? null : chooseMoment(dice, duration_ms);
      const { code, signal } = await runTrainer(place.trainer, job(out, from), out, moment);
      if (signal === 'SIGKILL') {
        counts.kills += 1;
        const kind = moment?.kind ?? 'none';
        counts.by_moment[kind] = (counts.by_moment[kind] ?? 0) + 1;
        if (leftovers(out).length > 0) counts.half_written += 1;
        counts.faults.push(...brokenCheckpoints(out, sizes));
        continue;
      }
      if (code !== 0)
        counts.faults.push(
          `run ${counts.runs}: resuming from ${from ?? 'the start'} ended with ${code ?? signal ?? '?'}`,
        );
      break;
    }
    if (existsSync(join(out, 'adapter.gguf'))) {
      const differs = difference(wanted, outcomeOf(out));
      if (differs !== null) counts.faults.push(`run ${counts.runs}: ${differs} differ from the run that nobody killed`);
      if (leftovers(out).length > 0) counts.faults.push(`run ${counts.runs} leaves ${leftovers(out).join(', ')}`);
    } else {
      counts.faults.push(`run ${counts.runs} has no adapter`);
    }
    if (counts.faults.length > 20) break;
    execFileSync('rm', ['-r', out]);
  }
  return counts;
}

function tokenize(place: Place, output_path: string): void {
  const path = place.path('tokenize.json');
  writeFileSync(
    path,
    JSON.stringify({ protocol_major: 1, type: 'tokenize', model_path: place.model, output_path, max_seq_len: 128 }),
  );
  const input = Array.from({ length: 40 }, (_, at) =>
    JSON.stringify({
      row: at + 1,
      segments: [
        [`Add ${at} and ${at + 1}.`, 0],
        [` The sum is ${2 * at + 1}.`, 1],
      ],
    }),
  ).join('\n');
  execFileSync(place.trainer, [path], { input, stdio: ['pipe', 'ignore', 'ignore'] });
}

function chooseMoment(dice: Dice, duration_ms: number): Moment {
  const kind = dice.below(3);
  if (kind === 0) return { kind: 'after', ms: dice.below(duration_ms * 1.2) };
  // A checkpoint of this size takes some tenths of a millisecond in memory, and many where a disk is slow to sync.
  const us = dice.below(dice.of([200, 600, 3000, 20_000]));
  return kind === 1
    ? { kind: 'step', step: 1 + dice.below(STEPS), us }
    : { kind: 'writing', nth: 1 + dice.below(12), us };
}

/** Waits without giving the turn to anything else: timers are too coarse for what takes a millisecond. */
function spin(us: number): void {
  const until = process.hrtime.bigint() + BigInt(us) * 1000n;
  while (process.hrtime.bigint() < until);
}

async function runTrainer(
  program: string,
  job: string,
  out: string,
  moment: Moment | null,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const child = spawn(program, [job], { stdio: ['pipe', 'pipe', 'ignore'] });
  const kill = (us: number) => {
    spin(us);
    child.kill('SIGKILL');
  };
  let signs = 0;
  mkdirSync(join(out, 'checkpoints'), { recursive: true });
  const watcher =
    moment?.kind === 'writing'
      ? watch(join(out, 'checkpoints'), (_event, name) => {
          if (name?.endsWith('.partial') === true && ++signs === moment.nth) kill(moment.us);
        })
      : null;
  const timer = moment?.kind === 'after' ? setTimeout(() => kill(0), moment.ms) : null;
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    if (moment?.kind !== 'step') return;
    text += piece;
    if (text.includes(`"step":${moment.step},`) && text.includes('"train_loss"')) kill(moment.us);
    text = text.slice(-2000);
  });
  const ended = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  watcher?.close();
  if (timer !== null) clearTimeout(timer);
  return ended;
}

/** What a killed writer left. */
function leftovers(out: string): string[] {
  return [out, join(out, 'checkpoints')].flatMap((folder) =>
    readdirSync(folder).filter((name) => /\.(partial|old)$/.test(name)),
  );
}

/** Checkpoints under their final name that are not whole. */
function brokenCheckpoints(out: string, sizes: Map<string, number>): string[] {
  return checkpointsOf(out).flatMap((folder) =>
    [...sizes].flatMap(([name, size]) => {
      const path = join(folder, name);
      const has = existsSync(path) ? statSync(path).size : -1;
      // The state holds settings and losses, whose texts are of the same length at every step.
      return Math.abs(has - size) > 64 ? [`${path} has ${has} bytes, not ${size}`] : [];
    }),
  );
}
