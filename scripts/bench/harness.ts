import { Output } from '../../main/cli/lib/output.ts';
import { toReport } from '../../main/contracts/errors.ts';
import { ensureSampleModel } from '../../main/models/index.ts';

/** The options that describe a step, and how much is said: for parseArgs. */
export const STEP_OPTIONS = {
  'max-seq-len': { type: 'string', default: '512' },
  'micro-batch-size': { type: 'string', default: '1' },
  'lora-rank': { type: 'string', default: '16' },
  threads: { type: 'string', default: '2' },
  steps: { type: 'string', default: '3' },
  json: { type: 'boolean', default: false },
} as const;

/** Runs a benchmark and ends the process; a failure is told as `forja` tells it. */
export async function runBench(isJson: boolean, bench: (output: Output) => Promise<void>): Promise<never> {
  const output = new Output(isJson);
  let exit_code = 0;
  try {
    await bench(output);
  } catch (error) {
    const report = toReport(error);
    output.fail('bench', report);
    ({ exit_code } = report);
  }
  await output.drain();
  process.exit(exit_code);
}

/** The sample model's path; it is fetched when missing. */
export async function sampleModel(output: Output): Promise<string> {
  return await ensureSampleModel((text) => output.progress(text, true));
}

/** The numbers of a list such as `512,2048`. */
export function readNumbers(text: string): number[] {
  return text.split(',').map(Number);
}
