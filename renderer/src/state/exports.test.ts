import { describe, expect, it } from 'vitest';
import { isUnderWay, onExportDone, onExportReady, onProgress, onStarted } from './exports.ts';

const outcome = {
  format: 'gguf',
  output_type: 'q8_0',
  output_path: '/out/m.gguf',
  output_bytes: 5,
  duration_ms: 7,
  types: [] as never[],
  check: null,
  answers: null,
  check_error: null,
  model_path: '/m.gguf',
  system_prompt: null,
  modelfile_path: null,
  modelfile: null,
  no_template: null,
} as const;
const done = { export_id: 'e', run_id: 'r', outcome, error: null };
const progress = { export_id: 'e', run_id: 'r', phase: 'exporting', share: 0.5, left_ms: null, types: [] };

describe('exports', () => {
  it('follows an export from its start to its end', () => {
    let works = onStarted({}, 'e', 'r');
    works = onProgress(works, progress);
    expect(works.e).toMatchObject({ phase: 'exporting', share: 0.5 });
    expect(isUnderWay(works.e!)).toBe(true);
    works = onExportDone(works, done);
    expect(works.e).toMatchObject({ outcome, phase: null });
    expect(isUnderWay(works.e!)).toBe(false);
  });

  it('has the file while its check goes on, and what the check said at its end', () => {
    const works = onExportReady(onStarted({}, 'e', 'r'), { export_id: 'e', run_id: 'r', outcome });
    expect(works.e).toMatchObject({ ready: outcome, outcome: null });
    expect(isUnderWay(works.e!)).toBe(true);
    const ended = onExportDone(works, done);
    expect(isUnderWay(ended.e!)).toBe(false);
    expect(onExportReady(ended, { export_id: 'e', run_id: 'r', outcome })).toBe(ended);
  });

  it('shows nothing of one that was cancelled', () => {
    const works = onProgress(onStarted({}, 'e', 'r'), progress);
    expect(onExportDone(works, { ...done, outcome: null })).toEqual({});
  });

  it('keeps an end that came before the start was answered', () => {
    const works = onExportDone({}, done);
    expect(onStarted(works, 'e', 'r')).toBe(works);
    expect(onProgress(works, progress)).toBe(works);
  });
});
