import { statSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { resolve } from 'node:path';
import type { Device, IpcParsedRequest, Plan } from '../contracts/ipc.ts';
import { completeJob, type JobOf } from '../contracts/protocol.ts';
import { adviseMemory } from '../domain/estimates/advice.ts';
import { estimateFullMemory, estimateMemory } from '../domain/estimates/memory.ts';
import { estimateTime, guessTokensPerSecond, learnTokensPerSecond } from '../domain/estimates/time.ts';
import { trainableParameters } from '../domain/lora-parameters.ts';
import { judgeSettings } from '../domain/setting-warnings.ts';
import type { ModelCatalogue } from '../models/index.ts';
import { runJob } from '../trainer/index.ts';
import type { ServiceContext } from './context.ts';

/** What is known of a device's free memory is asked again after this long. */
const DEVICES_MS = 30_000;

/** Share of the free memory that a run may be estimated at: the rest is for what the estimate can't know. */
const USABLE_SHARE = 0.9;

/** Weights that are not quantised, for the table: bytes a parameter. QLoRA's are those of a usual 4-bit file. */
const F16_BYTES = 2;
const FOUR_BIT_BYTES = 0.57;
const FLOAT_TYPES = new Set(['f32', 'f16', 'bf16']);

/** What a run would need and how long it would take, before it is started. */
export class EstimateService {
  private readonly context: ServiceContext;
  private readonly models: ModelCatalogue;
  private readonly listDevices: () => Promise<DevicesHere>;
  private devices: { asked_ms: number; list: Promise<DevicesHere> } | null = null;

  /** @param listDevices only tests give another */
  constructor(context: ServiceContext, models: ModelCatalogue, listDevices: () => Promise<DevicesHere> = devicesHere) {
    this.context = context;
    this.models = models;
    this.listDevices = listDevices;
  }

  /** @throws ForjaError setting_invalid; TrainerError when the model can't be read */
  async plan({ model_path, settings: given, dataset }: IpcParsedRequest<'estimates.plan'>): Promise<Plan> {
    const defaults = this.context.settings();
    const settings = completeJob('train', {
      device: defaults.device,
      threads: defaults.threads,
      ...given,
      model_path,
      train_tokens_path: '-',
      out_dir: '-',
    });
    const { sizes, info } = await this.models.open(model_path);
    const { devices, cpu_features } = await this.devicesNow();
    const device = choose(devices, settings.device);
    const available_bytes = availableOf(device);
    const trainable_parameters = trainableParameters(sizes, settings);
    // What it computes on, not what was wished for: `auto` is the CPU where there is nothing else.
    const sized = { ...settings, on_cpu: device.type === 'cpu' };
    const memory = estimateMemory(sizes, sized, dataset);
    // The table compares LoRA on both kinds of base with whatever was chosen.
    const plain = { ...sized, method: 'lora' as const };
    const lora_parameters = trainableParameters(sizes, plain);
    const lora_bytes = estimateMemory(sizes, plain, dataset).total_bytes;
    const isLora = settings.method === 'lora';
    const fits = memory.total_bytes <= available_bytes;
    const isQuantised = !FLOAT_TYPES.has(info.base_type.toLowerCase());
    const withWeights = (bytes: number) => lora_bytes - memory.weights_bytes + bytes;
    const methods = [
      {
        method: 'full' as const,
        available: false,
        trainable_parameters: sizes.n_params,
        total_bytes: Math.round(estimateFullMemory(sizes, sized, dataset).total_bytes),
        chosen: false,
      },
      {
        method: 'lora' as const,
        available: !isQuantised,
        trainable_parameters: lora_parameters,
        total_bytes: isQuantised ? Math.round(withWeights(F16_BYTES * sizes.n_params)) : lora_bytes,
        chosen: isLora && !isQuantised,
      },
      {
        method: 'qlora' as const,
        available: isQuantised,
        trainable_parameters: lora_parameters,
        total_bytes: isQuantised ? lora_bytes : Math.round(withWeights(FOUR_BIT_BYTES * sizes.n_params)),
        chosen: isLora && isQuantised,
      },
      ...(isLora
        ? []
        : [
            {
              method: settings.method,
              available: true,
              trainable_parameters,
              total_bytes: memory.total_bytes,
              chosen: true,
            },
          ]),
    ];
    return {
      trainable_parameters,
      trainable_share: Math.min(1, trainable_parameters / (sizes.n_params + trainable_parameters)),
      memory,
      memory_is_rough: sizes.has_other_layers === true,
      device,
      fits,
      time: dataset === null ? null : this.time(model_path, settings, device, cpu_features, sizes.n_params, dataset),
      advice: adviseMemory(sizes, sized, dataset, available_bytes),
      methods: methods.map((one) => ({ ...one, fits: one.total_bytes <= available_bytes })),
      warnings: judgeSettings(settings, trainable_parameters, info.n_ctx_train, dataset),
    };
  }

  private time(
    model_path: string,
    settings: JobOf<'train'>,
    device: Device,
    cpu_features: string,
    n_params: number,
    dataset: NonNullable<IpcParsedRequest<'estimates.plan'>['dataset']>,
  ): Plan['time'] {
    const measured = this.measuredSpeed(model_path, settings.device);
    const threadsOf = (wanted: number) => (device.type === 'cpu' ? wanted || defaultThreads() : null);
    const threads = threadsOf(settings.threads);
    const past = this.context.db.runs
      .speedsOn(settings.device)
      .map((one) => ({ ...one, threads: threadsOf(one.threads) }));
    const tokens_per_second =
      measured ??
      learnTokensPerSecond(n_params, threads, past) ??
      guessTokensPerSecond(n_params, threads, cpu_features);
    return {
      ...estimateTime(settings, dataset, tokens_per_second),
      train_rows: dataset.rows,
      held_out_rows: dataset.val_rows,
      basis: measured === null ? 'estimated' : 'measured',
    };
  }

  /** The usual speed of earlier runs of this model on this device, or null. */
  private measuredSpeed(model_path: string, device: string): number | null {
    const { db } = this.context;
    const info = statSync(model_path, { throwIfNoEntry: false });
    if (info === undefined) return null;
    const sha256 = db.models.knownHash(resolve(model_path), info.size, Math.floor(info.mtimeMs));
    if (sha256 === null) return null;
    const speeds = db.runs
      .speeds(sha256, device, 5)
      .map(({ tokens_per_second }) => tokens_per_second)
      .sort((a, b) => a - b);
    return speeds[Math.floor(speeds.length / 2)] ?? null;
  }

  private async devicesNow(): Promise<DevicesHere> {
    if (this.devices === null || Date.now() - this.devices.asked_ms > DEVICES_MS) {
      const list = this.listDevices();
      this.devices = { asked_ms: Date.now(), list };
      list.catch(() => (this.devices = null));
    }
    return await this.devices.list;
  }
}

/** What can compute here. */
interface DevicesHere {
  devices: Device[];
  cpu_features: string;
}

async function devicesHere(): Promise<DevicesHere> {
  const { devices, cpu_features } = await runJob<'devices'>(completeJob('devices', {}));
  return { devices, cpu_features };
}

/** The trainer takes one thread a physical core; half of the processors is a fair guess at those. */
function defaultThreads(): number {
  return Math.max(1, Math.ceil(availableParallelism() / 2));
}

/** The device that a run with this setting computes on: as the trainer chooses. */
function choose(devices: readonly Device[], wish: string): Device {
  const cpu = devices.find(({ type }) => type === 'cpu') ?? {
    name: 'CPU',
    description: 'CPU',
    type: 'cpu' as const,
    backend: 'CPU',
    memory_total_bytes: totalmem(),
    memory_free_bytes: freemem(),
  };
  const gpu = devices.find(({ type }) => type === 'gpu') ?? devices.find(({ type }) => type === 'igpu');
  const found =
    wish === 'cpu' ? cpu : wish === 'auto' ? (gpu ?? cpu) : (devices.find(({ name }) => name === wish) ?? cpu);
  // ggml reports a CPU's whole memory as free.
  return found.type === 'cpu'
    ? { ...found, memory_total_bytes: memoryLimit(), memory_free_bytes: Math.min(freemem(), memoryLimit()) }
    : found;
}

/** The machine's memory, or what a container leaves of it. */
function memoryLimit(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}

function availableOf({ memory_free_bytes, memory_total_bytes }: Device): number {
  const free = memory_free_bytes > 0 ? memory_free_bytes : memory_total_bytes;
  return free > 0 ? free * USABLE_SHARE : Infinity;
}
