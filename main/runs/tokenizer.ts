import { join } from 'node:path';
import { completeJob, type TrainerEvent } from '../contracts/protocol.ts';
import type { StartTokenizer, TokenizeResult } from '../datasets/index.ts';
import { cacheDir } from '../models/index.ts';
import { startTrainer } from '../trainer/index.ts';

/** Where is kept what was found in large datasets. */
export function rowCacheDir(): string {
  return join(cacheDir(), 'datasets');
}

/** How rows become tokens: settings of a tokenize job. */
export interface TokenizeSettings {
  max_seq_len: number;
  text_overlap_tokens?: number;
}

/** The tokenize jobs that the datasets layer pipes its rows to. */
export function tokenizerOf(
  model_path: string,
  { max_seq_len, text_overlap_tokens = 0 }: TokenizeSettings,
  onEvent?: (event: TrainerEvent, line: string) => void,
): StartTokenizer {
  return (output_path, dataset_rows = 0, row_kind = 'rows') => {
    const job = completeJob('tokenize', {
      model_path,
      output_path,
      max_seq_len,
      text_overlap_tokens,
      dataset_rows,
      row_kind,
    });
    const trainer = startTrainer<'tokenize'>(job, { onEvent });
    return {
      stdin: trainer.stdin,
      // The protocol's pairs are of two numbers each.
      result: trainer.finished.then(({ result }) => result as unknown as TokenizeResult),
      kill: () => trainer.kill(),
    };
  };
}
