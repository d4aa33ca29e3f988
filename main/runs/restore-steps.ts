import { readFileSync } from 'node:fs';
import { parseEvent, type TrainerEvent } from '../contracts/protocol.ts';
import type { ForjaDb } from '../db/index.ts';
import type { RunFolder } from './run-folder.ts';

/**
 * Puts the steps and validations up to a checkpoint that the database lacks back into it, from the run's events.jsonl. Steps are
 * written to the database in batches, so those of the last batch were lost when the process was killed; and a run that comes from
 * another machine has none of them.
 *
 * @param up_to_step the checkpoint's step
 */
export function restoreSteps(run_id: string, folder: RunFolder, up_to_step: number, db: ForjaDb): void {
  if (db.metrics.countSteps(run_id) >= up_to_step) return;
  const known = new Set(db.metrics.curve(run_id).map(([step]) => step));
  const events = eventsOf(folder);
  const lost = events.filter(
    (event): event is TrainerEvent & { type: 'step' } =>
      event.type === 'step' && event.data.step <= up_to_step && !known.has(event.data.step),
  );
  db.metrics.addSteps(lost.map(({ data, time_ms }) => ({ ...data, run_id, time_ms })));
  const validated = new Set(db.metrics.validations(run_id).map(({ step }) => step));
  for (const event of events) {
    if (event.type !== 'validation' || event.data.step > up_to_step || validated.has(event.data.step)) continue;
    db.metrics.addValidation({ ...event.data, run_id, time_ms: event.time_ms, is_best: event.data.is_best ? 1 : 0 });
  }
}

/** The events of a run; lines that can't be read, such as one cut off by a crash, are passed over. */
function eventsOf(folder: RunFolder): TrainerEvent[] {
  let text: string;
  try {
    text = readFileSync(folder.eventsFile, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    if (!/"type":\s*"(step|validation)"/.test(line)) return [];
    try {
      return parseEvent(line) ?? [];
    } catch {
      return [];
    }
  });
}
