import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openDb } from '../../main/db/index.ts';
import { RunFolder } from '../../main/runs/index.ts';
import { Dice } from '../fuzz/dice.ts';
import { difference, outcomeOf, type Place } from './place.ts';
import type { KillCounts } from './trainer-kills.ts';

const ENTRY = join(import.meta.dirname, '../../main/cli/forja.mjs');
const STEPS = 10;

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  last: Record<string, unknown>;
}

/** When and what is killed: the core alone, whose trainer then ends by itself, or the trainer and the core together. */
interface Moment {
  /** Of the number of lines that the core has written. */
  lines: number;
  ms: number;
  withTrainer: boolean;
}

/**
 * Kills `forja train` and `forja resume` at random moments, goes on until the run is through, and compares it with one that nobody
 * killed. The database must be sound and know every step.
 */
export async function killCore(place: Place, kills: number, seed: number): Promise<KillCounts> {
  const args = (out: string) => [
    ...[
      'train',
      '--model',
      place.model,
      '--data',
      place.rows,
      '--out',
      out,
      '--lora-rank',
      '4',
      '--max-seq-len',
      '128',
    ],
    ...[
      '--learning-rate',
      '1e-3',
      '--micro-batch-size',
      '2',
      '--gradient-accumulation-steps',
      '8',
      '--max-steps',
      String(STEPS),
    ],
    ...[
      '--checkpoint-steps',
      '1',
      '--seed',
      '3',
      '--threads',
      '1',
      '--device',
      'cpu',
      '--val-share',
      '0.2',
      '--eval-steps',
      '4',
      '--json',
    ],
  ];
  const whole = place.path('whole-core');
  const reference = await forja(place, args(whole), null, whole);
  if (reference.code !== 0) throw new Error(`The run that nobody kills failed: ${JSON.stringify(reference.last)}`);
  const wanted = outcomeOf(whole);
  const counts: KillCounts = { kills: 0, runs: 0, half_written: 0, by_moment: {}, faults: [] };
  for (; counts.kills < kills; counts.runs++) {
    const out = place.path(`killed-core-${counts.runs}`);
    for (let attempt = 0; ; attempt++) {
      const dice = new Dice(seed, counts.runs * 1000 + attempt);
      const moment: Moment | null =
        attempt > 6 ? null : { lines: dice.below(40), ms: dice.below(60), withTrainer: dice.oneIn(2) };
      const begun = existsSync(join(out, 'run.json'));
      const { code, signal, last } = await forja(place, begun ? ['resume', out, '--json'] : args(out), moment, out);
      if (signal === 'SIGKILL') {
        counts.kills += 1;
        const kind = moment?.withTrainer === true ? 'core and trainer' : 'core';
        counts.by_moment[kind] = (counts.by_moment[kind] ?? 0) + 1;
        continue;
      }
      if (code === 0 || last.code === 'run_completed') break;
      // The trainer of the killed core still writes its checkpoint; a killed one may have been about to begin.
      if (last.code === 'run_in_use' || last.code === 'output_busy' || last.code === 'trainer_killed') {
        await wait(100);
        continue;
      }
      counts.faults.push(`run ${counts.runs}: ${JSON.stringify(last)}`);
      break;
    }
    const differs = existsSync(join(out, 'adapter.gguf')) ? difference(wanted, outcomeOf(out)) : 'it has no adapter';
    if (differs !== null) counts.faults.push(`run ${counts.runs}: ${differs}`);
    const recorded = recordedSteps(place, out);
    if (recorded !== STEPS) counts.faults.push(`run ${counts.runs}: the database has ${recorded} of ${STEPS} steps`);
    rmSync(out, { recursive: true, force: true });
  }
  return counts;
}

function forja(place: Place, args: string[], moment: Moment | null, out: string): Promise<Ended> {
  return new Promise((resolve) => {
    // Half of a kill's time is Node's, which compiles the same sources each time.
    const env = { ...process.env, FORJA_DATA_DIR: place.path('data'), NODE_COMPILE_CACHE: place.path('compiled') };
    const child = spawn(process.execPath, [ENTRY, ...args], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    let isAimed = false;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (moment === null || isAimed || text.split('\n').length <= moment.lines) return;
      isAimed = true;
      setTimeout(() => {
        if (moment.withTrainer) killTrainerOf(out);
        child.kill('SIGKILL');
      }, moment.ms);
    });
    child.on('close', (code, signal) => {
      const last = text.trimEnd().split('\n').at(-1) ?? '';
      let line: Record<string, unknown> = {};
      try {
        line = JSON.parse(last) as Record<string, unknown>;
      } catch {
        // A killed program's last line may be half a line.
      }
      resolve({ code, signal, last: line });
    });
  });
}

/** How many of a run's steps the database knows. */
function recordedSteps(place: Place, out: string): number {
  const db = openDb(place.path('data/forja.sqlite3'));
  try {
    const { id } = new RunFolder(out).read();
    return db.metrics.countSteps(id);
  } finally {
    db.close();
  }
}

function killTrainerOf(out: string): void {
  try {
    const { pids } = JSON.parse(readFileSync(join(out, 'run.lock'), 'utf8')) as { pids: number[] };
    if (pids[1] !== undefined) process.kill(pids[1], 'SIGKILL');
  } catch {
    // It has not begun, or has ended.
  }
}
