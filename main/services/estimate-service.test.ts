import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Device } from '../contracts/ipc.ts';
import { openDb, type ForjaDb } from '../db/index.ts';
import type { ModelCatalogue } from '../models/index.ts';
import { EstimateService } from './estimate-service.ts';

let dir: string;
let db: ForjaDb;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'forja-estimate-'));
  db = openDb(join(dir, 'forja.sqlite3'));
});
afterEach(() => {
  db.close();
  rmSync(dir, { recursive: true, force: true });
});

const device = (name: string, type: Device['type']): Device => ({
  name,
  description: name,
  type,
  backend: name,
  memory_total_bytes: 64e9,
  memory_free_bytes: 64e9,
});
const CPU = device('CPU', 'cpu');
const GPU = device('Vulkan0', 'gpu');

/** The estimate for SmolLM2-135M, four rows of 2048 tokens. */
async function estimated(wish: string, devices: Device[]) {
  const sizes = {
    n_layer: 30,
    n_embd: 576,
    n_head: 9,
    n_head_kv: 3,
    n_ff: 1536,
    n_vocab: 49152,
    n_params: 134_515_008,
    file_size_bytes: 98_362_432,
  };
  const models = { open: () => Promise.resolve({ sizes, info: { base_type: 'q4_1', n_ctx_train: 8192 } }) };
  const context = {
    db,
    emit: () => undefined,
    settings: () => ({ runs_dir: dir, device: 'auto', threads: 1, checkpoints_kept: 3 }),
  };
  const service = new EstimateService(context, models as unknown as ModelCatalogue, () =>
    Promise.resolve({ devices, cpu_features: 'AVX2' }),
  );
  const settings = { device: wish, max_seq_len: 2048, micro_batch_size: 4 };
  const plan = await service.plan({ model_path: join(dir, 'model.gguf'), settings, dataset: null });
  return { name: plan.device.name, bytes: plan.memory.total_bytes };
}

test('the estimate is for what it computes on: a wish that falls back to the CPU needs what the CPU needs', async () => {
  const cpu = await estimated('cpu', [CPU, GPU]);
  expect(cpu.name).toBe('CPU');
  expect(await estimated('auto', [CPU])).toEqual(cpu);
  expect(await estimated('CUDA0', [CPU])).toEqual(cpu);
  const gpu = await estimated('auto', [CPU, GPU]);
  expect(gpu.name).toBe('Vulkan0');
  expect(gpu.bytes).toBeGreaterThan(1.5 * cpu.bytes);
});
