import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';
import type { EmitEvent, IpcHandlers } from '../contracts/ipc.ts';
import { dataDir, type ForjaDb } from '../db/index.ts';
import { cacheDir, ensureSampleModel, SAMPLE_MODEL, sampleModelPath, type FetchProgress } from '../models/index.ts';
import type { Core } from '../services/index.ts';
import type { Playground } from '../services/playground.ts';
import { throttle } from '../services/throttle.ts';
import type { AppSettingsStore } from '../settings/index.ts';
import type { AllowedPaths } from './allowed-paths.ts';
import { examineApp } from './doctor.ts';
import type { DialogTexts, Host } from './host.ts';
import { generalQuestions, sampleDatasets } from './sample-datasets.ts';

export interface HandlerOptions {
  db: ForjaDb;
  host: Host;
  settings: AppSettingsStore;
  paths: AllowedPaths;
  core: Core;
  playground: Playground;
  emit: EmitEvent;
  /** Null where no release address is set. */
  checkForUpdates: (() => void) | null;
  texts: () => DialogTexts;
}

interface DatasetPaths {
  model_path: string;
  data_path: string;
  val_path?: string | null;
}

const DATASET_EXTENSIONS = ['jsonl', 'json', 'ndjson', 'csv', 'tsv', 'txt'];
/** What an export's file is called; a PEFT export is a folder. */
const EXPORT_EXTENSIONS = { gguf: 'gguf', 'gguf-adapter': 'gguf', peft: null, ollama: 'gguf' } as const;

/** One function for each channel: checks which files it names, and calls the service. */
export function createHandlers(options: HandlerOptions): IpcHandlers {
  const { db, host, settings, paths, core, playground } = options;
  const { emit, checkForUpdates, texts } = options;
  const { handlers } = core;
  allowOwned(paths, db, settings);
  const inFlight: { sample: Promise<string> | null } = { sample: null };

  const requireDataset = ({ model_path, data_path, val_path }: DatasetPaths) => {
    paths.requireReadable(model_path);
    paths.requireReadable(data_path);
    if (val_path !== null && val_path !== undefined) paths.requireReadable(val_path);
  };
  const requireSettings = (given: { init_adapter_path?: string | null }) => {
    if (given.init_adapter_path != null) paths.requireReadable(given.init_adapter_path);
  };
  const pickFile = async (title: string, kind: string, extensions: string[]) => {
    const path = await host.pickFile({ title, kind, extensions });
    if (path !== null) paths.allowFile(path);
    return { path };
  };

  return {
    ...handlers,

    'app.info': () => ({
      ...host.info(),
      data_dir: dataDir(),
      cache_dir: cacheDir(),
      can_update: checkForUpdates !== null,
      sample: {
        name: SAMPLE_MODEL.name,
        size_bytes: SAMPLE_MODEL.size_bytes,
        is_fetched: existsSync(sampleModelPath()),
      },
    }),
    'app.doctor': () => examineApp(host, db),
    'app.openExternalHelp': async ({ topic }) => ({
      opened: await (topic === 'data_folder' ? host.openFolder(dataDir()) : host.openHelp(topic)),
    }),

    'app.checkForUpdates': () => checkForUpdates?.(),

    'settings.get': () => settings.get(),
    'settings.set': (change) => {
      for (const folder of [change.runs_dir, change.exports_dir]) {
        if (folder !== undefined) paths.requireFolder(folder);
      }
      return settings.set(change);
    },

    'dialogs.openModel': ({ purpose }) => {
      const { open_model, open_adapter, models: kind } = texts();
      return pickFile(purpose === 'adapter' ? open_adapter : open_model, kind, ['gguf']);
    },
    'dialogs.openDataset': ({ purpose }) => {
      const { open_dataset, open_validation, datasets: kind } = texts();
      return pickFile(purpose === 'train' ? open_dataset : open_validation, kind, DATASET_EXTENSIONS);
    },
    'dialogs.saveExport': async ({ format, suggested_name }) => {
      const { exports_dir } = settings.get();
      mkdirSync(exports_dir, { recursive: true });
      const path = await host.pickOutput({
        title: texts().save_export,
        defaultPath: join(exports_dir, fileName(suggested_name)),
        extension: EXPORT_EXTENSIONS[format],
      });
      if (path !== null) paths.allowOutput(path);
      return { path };
    },
    'dialogs.chooseFolder': async ({ purpose }) => {
      const { choose_runs, choose_exports } = texts();
      const { runs_dir, exports_dir } = settings.get();
      const path = await host.pickFolder(
        purpose === 'runs'
          ? { title: choose_runs, defaultPath: runs_dir }
          : { title: choose_exports, defaultPath: exports_dir },
      );
      if (path !== null) paths.allowFolder(path);
      return { path };
    },
    'dialogs.showInFolder': ({ path }) => host.showInFolder(paths.requireReadable(path)),
    'files.dropped': ({ path }) => {
      if (!existsSync(path)) {
        throw new ForjaError('file_not_found', `There is no file ${path}.`, 'Drop a file of this computer.', { path });
      }
      paths.allowFile(path);
      const extension = extname(path).slice(1).toLowerCase();
      const kind = extension === 'gguf' ? 'model' : DATASET_EXTENSIONS.includes(extension) ? 'dataset' : 'other';
      return { path, kind } as const;
    },

    'models.inspect': (request) => {
      paths.requireReadable(request.path);
      return handlers['models.inspect'](request);
    },
    'models.fetchSample': async () => {
      if (!existsSync(sampleModelPath())) {
        const { fetch_sample, fetch_sample_detail, fetch, cancel } = texts();
        const size = `${Math.round(SAMPLE_MODEL.size_bytes / 1e6)} MB`;
        const detail = fetch_sample_detail(size);
        if (!(await host.confirm({ message: fetch_sample, detail, accept: fetch, cancel }))) return null;
      }
      try {
        inFlight.sample ??= fetchSample(emit);
        const model_path = await inFlight.sample;
        const sample = { model_path, ...sampleDatasets() };
        for (const path of Object.values(sample)) paths.allowFile(path);
        return sample;
      } finally {
        inFlight.sample = null;
        emit('app.fetching', { done: true, source: null, size_bytes: SAMPLE_MODEL.size_bytes, share: null });
      }
    },

    'datasets.inspect': (request) => {
      requireDataset(request);
      return handlers['datasets.inspect'](request);
    },
    'datasets.preview': (request) => {
      requireDataset(request);
      return handlers['datasets.preview'](request);
    },
    'estimates.plan': (request) => {
      paths.requireReadable(request.model_path);
      requireSettings(request.settings);
      return handlers['estimates.plan'](request);
    },
    'runs.create': async (request) => {
      requireDataset(request);
      requireSettings(request.settings);
      const run = await handlers['runs.create'](request);
      paths.allowFolder(run.out_dir);
      return run;
    },

    'evaluations.start': (request) => {
      if (request.data_path !== null) paths.requireReadable(request.data_path);
      return handlers['evaluations.start'](request);
    },
    'evaluations.general': ({ language }) => {
      const path = generalQuestions(language);
      paths.allowFile(path);
      return { path };
    },
    'evaluations.report': async (request) => {
      const { exports_dir } = settings.get();
      mkdirSync(exports_dir, { recursive: true });
      const { save_report, language, report_name } = texts();
      const { name } = core.queue.row(request.run_id);
      const path = await host.pickOutput({
        title: save_report,
        defaultPath: join(exports_dir, fileName(report_name(name))),
        extension: request.format,
      });
      if (path === null) return { path };
      writeFileSync(path, core.evaluations.report(request, language));
      paths.allowFile(path);
      return { path };
    },

    'chat.load': (request) => {
      if (request.model_path !== null) paths.requireReadable(request.model_path);
      for (const source of request.adapters) if (source.kind === 'file') paths.requireReadable(source.path);
      return playground.load(request);
    },
    'chat.ask': (request) => playground.ask(request),
    'chat.stop': ({ ask_id }) => playground.stop(ask_id),
    'chat.unload': ({ voice }) => playground.unload(voice),

    'exports.start': (request) => {
      paths.requireOutput(request.output_path);
      return handlers['exports.start'](request);
    },
  };
}

/** Fetches the sample model; the window hears of it at most ten times a second. */
async function fetchSample(emit: EmitEvent): Promise<string> {
  let now: FetchProgress | null = null;
  const tell = throttle(() => {
    if (now !== null) emit('app.fetching', { done: false, ...now });
  });
  const path = await ensureSampleModel(undefined, (progress) => {
    now = progress;
    tell();
  });
  now = null;
  return path;
}

/** What the person gave Forja in earlier sessions, and what is Forja's own. */
function allowOwned(paths: AllowedPaths, db: ForjaDb, settings: AppSettingsStore): void {
  const { runs_dir, exports_dir } = settings.get();
  for (const folder of [runs_dir, exports_dir, dataDir(), join(cacheDir(), 'models')]) paths.allowFolder(folder);
  for (const { path } of db.models.recent(1000)) paths.allowFile(path);
  for (const run of db.runs.list()) {
    paths.allowFolder(run.out_dir);
    paths.allowFile(run.model_path);
    paths.allowFile(run.dataset_path);
    for (const { output_path } of db.exports.ofRun(run.id)) paths.allowFile(output_path);
  }
}

/** A suggested name without what a file name can't have. */
function fileName(suggested: string): string {
  // eslint-disable-next-line no-control-regex
  return suggested.replace(/[<>:"/\\|?*\u0000-\u001f]+/g, '-');
}
