import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes a program that speaks the trainer's protocol and does nothing: it makes the real one's end come on cue, which tests of
 * the queue need. What the real trainer does is tested in e2e/.
 *
 * A run whose name has "fails" ends with an error at its first step, one with "waits" trains until it is told to stop, one with
 * "slowly" then takes its time, and one with "dies" kills itself.
 * @returns its path, for FORJA_TRAINER
 */
export function writeTrainerProgram(dir: string): string {
  const path = join(dir, 'trainer.mjs');
  writeFileSync(path, `#!${process.execPath}\n${PROGRAM}`);
  chmodSync(path, 0o755);
  return path;
}

const PROGRAM = String.raw`
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
let seq = 0;
const say = (type, data) => process.stdout.write(JSON.stringify({ type, seq: seq++, time_ms: Date.now(), data }) + '\n');
const cpu = { name: 'CPU', description: 'CPU', type: 'cpu', backend: 'CPU', memory_total_bytes: 8e9, memory_free_bytes: 8e9 };
say('hello', { protocol_major: 1, protocol_minor: 0, trainer_version: '9', llama_cpp_release: 'b1', devices: [cpu] });
const lines = createInterface({ input: process.stdin });

const steps = {
  inspect() {
    say('result', {
      job: 'inspect', path: job.model_path, file_size_bytes: 10, files: [job.model_path], architecture: 'llama', name: 'Tiny',
      license: null, base_type: 'q4_0', tensor_types: { q4_0: 1 }, n_params: 1000, n_layer: 2, n_embd: 8, n_head: 2,
      n_head_kv: 1, n_ff: 16, n_vocab: 32, n_ctx_train: 64, tied_head: true, chat_template: null, bos_token: '<s>',
      eos_token: '</s>', trainable: true, reason: null,
    });
  },
  async tokenize() {
    const rows = [];
    for await (const line of lines) if (line !== '') rows.push(JSON.parse(line));
    const lengths = rows.map(({ segments }) => segments.map(([text]) => text.split(' ').length).reduce((a, b) => a + b, 0));
    const index = Buffer.alloc(32 * rows.length);
    rows.forEach(({ row }, at) => {
      index.writeUInt32LE(lengths[at], at * 32 + 8);
      index.writeBigUInt64LE(BigInt(row), at * 32 + 16);
    });
    const header = Buffer.alloc(64);
    header.write('FJTK');
    header.writeBigUInt64LE(BigInt(rows.length), 8);
    header.writeBigUInt64LE(64n, 32);
    writeFileSync(job.output_path, Buffer.concat([header, index]));
    const tokens = lengths.reduce((a, b) => a + b, 0);
    say('result', {
      job: 'tokenize', rows: rows.length, tokens, supervised_tokens: tokens, median_tokens: 5, p95_tokens: 5,
      max_tokens: Math.max(...lengths), truncated_rows: 0, empty_rows: 0, lost_tokens: 0, lost_supervised_tokens: 0,
      windowed_rows: 0, repeated_tokens: 0, length_histogram: [[8, rows.length]],
      output_path: job.output_path,
    });
  },
  async train() {
    const name = job.out_dir;
    const first = job.resume_path === null ? 0 : Number(/step-(\d+)$/.exec(job.resume_path)[1]);
    const total = 3;
    const checkpoint = (step, reason) => {
      const path = join(job.out_dir, 'checkpoints', 'step-' + String(step).padStart(8, '0'));
      mkdirSync(path, { recursive: true });
      for (const file of ['adapter.gguf', 'state.gguf']) writeFileSync(join(path, file), '');
      say('checkpoint', { step, path, reason });
    };
    process.stderr.write('a line of the log\n');
    say('status', { phase: 'training' });
    say('plan', {
      architecture: 'llama', base_type: 'q4_0', n_layer: 2, n_params: 1000, trainable_parameters: 100, rows: 3, val_rows: 0,
      steps_per_epoch: total, total_steps: total, start_step: first, skipped_rows: 0, truncated_rows: 0, device: 'CPU', threads: 1,
    });
    const done = { job: 'train', steps: first, train_loss: 2, val_loss: null, best_val_loss: null, adapter_path: null,
      last_checkpoint_path: null, trainable_parameters: 100, peak_memory_bytes: 1000, tokens_per_second: 10, duration_ms: 5 };
    const step = (at) => say('step', {
      step: at, total_steps: total, epoch: at / total, train_loss: 3 - at / 10, learning_rate: 1e-4, grad_norm: 1,
      tokens_per_second: 10, tokens: 5, supervised_tokens: 5, elapsed_ms: at, eta_ms: total - at, peak_memory_bytes: 1000,
    });
    step(first + 1);
    if (name.includes('dies')) {
      checkpoint(first + 1, 'interval');
      process.kill(process.pid, 'SIGKILL');
      return;
    }
    if (name.includes('fails')) {
      say('error', { code: 'loss_not_finite', message: 'The loss is not finite.', hint: 'Lower it.', details: { step: '1' } });
      process.exitCode = 1;
      lines.close();
      process.stdin.destroy();
      return;
    }
    if (name.includes('waits') && first === 0) {
      for await (const line of lines) {
        if (line === 'pause') say('status', { phase: 'paused' });
        if (line === 'resume') say('status', { phase: 'resumed' });
        if (line === 'checkpoint') checkpoint(first + 1, 'request');
        if (line === 'stop') break;
      }
      say('status', { phase: 'stopping' });
      if (name.includes('slowly')) await new Promise((resolve) => setTimeout(resolve, 500));
      checkpoint(first + 1, 'stop');
      say('result', { ...done, status: 'stopped', steps: first + 1 });
      process.exitCode = 3;
      process.stdin.destroy();
      return;
    }
    for (let at = first + 2; at <= total; at++) step(at);
    writeFileSync(join(job.out_dir, 'adapter.gguf'), '');
    say('result', { ...done, status: 'completed', steps: total });
    lines.close();
    process.stdin.destroy();
  },
  devices() {
    say('result', { job: 'devices', devices: [cpu], llama_cpp_release: 'b1', cpu_features: '' });
  },
};
await steps[job.type]();
if (job.type !== 'tokenize' && job.type !== 'train') {
  lines.close();
  process.stdin.destroy();
}
`;
