import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { generate } from '../../scripts/generate-protocol-types.mjs';
import { resolveJobs, type JobSchemaFile } from './job-schema.ts';
import { completeJob, jobCompleter, parseEvent, type JobType } from './protocol.ts';

interface TaggedJobs {
  schema: JobSchemaFile;
  completed: [{ type: string }, object][];
  refused: [{ type: string }, string][];
}

const golden = new URL('../../native/protocol/golden/', import.meta.url);
const linesOf = (name: string) =>
  readFileSync(new URL(name, golden), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
const eventFiles = readdirSync(golden).filter((name) => name.startsWith('events-'));

// native/tests/protocol-test.cpp completes and refuses the same jobs; e2e/cli/protocol.test.ts compares the events with
// those of the real trainer.
describe('golden files', () => {
  test.each(eventFiles)('every line of %s is an event as declared', (name) => {
    for (const line of linesOf(name)) expect(parseEvent(line), line).not.toBeNull();
  });

  test('jobs are completed with the defaults', () => {
    for (const line of linesOf('jobs.jsonl')) {
      const { given, completed } = JSON.parse(line) as { given: { type: JobType }; completed: object };
      expect(completeJob(given.type, given)).toEqual(completed);
    }
  });

  test('bad jobs are refused, naming the field', () => {
    for (const line of linesOf('bad-jobs.jsonl')) {
      const { job, field } = JSON.parse(line) as { job: { type: JobType }; field: string };
      expect(() => completeJob(job.type, job), line).toThrow(
        expect.objectContaining({ code: 'setting_invalid', details: { settings: [field] } }),
      );
    }
  });
});

describe('tags', () => {
  const { schema, completed, refused } = JSON.parse(
    readFileSync(new URL('tagged-jobs.json', golden), 'utf8'),
  ) as TaggedJobs;
  const complete = jobCompleter(resolveJobs(schema));

  test.each(completed)('%j is completed with what its tags have', (given, filledIn) => {
    const job = { ...given, protocol_major: 1 };
    expect(complete(given.type, job)).toEqual({ ...job, ...filledIn });
  });

  test.each(refused)('%j is refused for %s', (given, field) => {
    expect(() => complete(given.type, { ...given, protocol_major: 1 })).toThrow(
      expect.objectContaining({ code: 'setting_invalid', details: { settings: [field] } }),
    );
  });
});

test.each(Object.entries(generate()))('%s is what the schemas give', (path, text) => {
  expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8') === text).toBe(true);
});

describe('completeJob', () => {
  const paths = { model_path: 'm.gguf', train_tokens_path: 't.fjt', out_dir: 'out' };

  test('fills in the defaults and leaves its argument alone', () => {
    const settings = { ...paths, lora_rank: 4 };
    const job = completeJob('train', settings);
    expect(job).toMatchObject({ protocol_major: 1, type: 'train', lora_rank: 4, lora_alpha: 32, device: 'cpu' });
    expect(settings).toEqual({ ...paths, lora_rank: 4 });
  });

  test('two jobs never share a default list', () => {
    completeJob('train', paths).target_modules.pop();
    expect(completeJob('train', paths).target_modules).toHaveLength(7);
  });

  test('names every setting that is out of range', () => {
    expect(() => completeJob('train', { ...paths, lora_rank: 0, epochs: -1 })).toThrow(
      expect.objectContaining({
        code: 'setting_invalid',
        exitCode: 2,
        message: 'lora_rank must be >= 1; epochs must be >= 0',
        details: { settings: ['lora_rank', 'epochs'] },
      }),
    );
  });
});

describe('parseEvent', () => {
  const line = (type: string, data: object) => JSON.stringify({ type, seq: 3, time_ms: 5, data });

  test('ignores unknown types and fields', () => {
    expect(parseEvent(line('weather', { sun: true }))).toBeNull();
    expect(parseEvent(line('status', { phase: 'training', mood: 'good' }))?.type).toBe('status');
  });

  test.each([
    ['no JSON', 'step 3'],
    ['no envelope', '{"type":"status"}'],
    ['a field missing', line('checkpoint', { step: 1 })],
    ['a result that lacks a field', line('result', { job: 'score', mean_loss: 1 })],
  ])('refuses %s', (_, text) => {
    expect(() => parseEvent(text)).toThrow(expect.objectContaining({ code: 'protocol_violation', exitCode: 1 }));
  });
});
