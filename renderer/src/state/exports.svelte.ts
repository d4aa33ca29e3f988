import type { IpcRequest } from '../../../main/contracts/ipc.ts';
import { call, on } from '../api/bridge.svelte.ts';
import { onExportDone, onExportReady, onProgress, onStarted, type ExportWork, type ExportWorks } from './exports.ts';

/** The exports of this session; they go on while one looks at other screens. */
class ExportsState {
  #works = $state.raw<ExportWorks>({});
  #isFollowing = false;

  /** The newest export of a run in this session. */
  ofRun(run_id: string): ExportWork | null {
    return Object.values(this.#works).findLast((work) => work.run_id === run_id) ?? null;
  }

  /**
   * Begins an export and follows it from then on.
   *
   * @throws ApiError when it could not begin
   */
  async begin(request: IpcRequest<'exports.start'>): Promise<void> {
    this.#follow();
    const { export_id } = await call('exports.start', request);
    this.#works = onStarted(this.#works, export_id, request.run_id);
  }

  #follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    on('export.progress', (event) => (this.#works = onProgress(this.#works, event)));
    on('export.ready', (event) => (this.#works = onExportReady(this.#works, event)));
    on('export.done', (event) => (this.#works = onExportDone(this.#works, event)));
  }
}

export const exportsState = new ExportsState();
