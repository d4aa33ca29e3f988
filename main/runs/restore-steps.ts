import { readFileSync } from 'node:fs';
import { parseEvent, type TrainerEvent } from '../contracts/protocol.ts';
import type { CheckpointData, StepData, ValidationData } from '../contracts/protocol-types.ts';
import type { ForjaDb } from '../db/index.ts';
import type { RunFolder } from './run-folder.ts';

/** What happened at a moment of a run. */
interface Told<Data> {
  data: Data;
  time_ms: number;
}

/** What a run reported, as it counts: a step that was done again as it came out last. */
interface Record {
  steps: Map<number, Told<StepData>>;
  validations: Map<number, Told<ValidationData>>;
  /** By step and reason. */
  checkpoints: Map<string, Told<CheckpointData>>;
}

/**
 * Puts the steps, validations and checkpoints up to a checkpoint into the database as the run's events.jsonl has them. The trainer writes
 * that file itself, so it knows what happened when this process was gone, or had not yet written its last batch of steps; and a run that
 * comes from another machine has nothing else. What the file lacks stays as the database has it.
 *
 * @param up_to_step the checkpoint's step
 */
export function restoreSteps(run_id: string, folder: RunFolder, up_to_step: number, db: ForjaDb): void {
  const { steps, validations, checkpoints } = recordOf(eventsOf(folder));
  const counted = <Data extends { step: number }>(told: Map<unknown, Told<Data>>) =>
    [...told.values()]
      .filter(({ data }) => data.step <= up_to_step)
      .map(({ data, time_ms }) => ({ ...data, run_id, time_ms }));
  db.metrics.addSteps(counted(steps));
  for (const one of counted(validations)) db.metrics.addValidation({ ...one, is_best: one.is_best ? 1 : 0 });
  for (const one of counted(checkpoints)) db.metrics.addCheckpoint(one);
}

function recordOf(events: TrainerEvent[]): Record {
  const record: Record = { steps: new Map(), validations: new Map(), checkpoints: new Map() };
  for (const { type, data, time_ms } of events) {
    if (type === 'plan') {
      // From here on the run goes on after this step: what came of later ones before counts no more.
      for (const told of Object.values(record) as Map<unknown, Told<{ step: number }>>[])
        for (const [key, one] of told) if (one.data.step > data.start_step) told.delete(key);
    } else if (type === 'step') record.steps.set(data.step, { data, time_ms });
    else if (type === 'validation') record.validations.set(data.step, { data, time_ms });
    else if (type === 'checkpoint') record.checkpoints.set(`${data.step} ${data.reason}`, { data, time_ms });
  }
  return record;
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
    if (!/"type":\s*"(plan|step|validation|checkpoint)"/.test(line)) return [];
    try {
      return parseEvent(line) ?? [];
    } catch {
      return [];
    }
  });
}
