import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatasetReport, IpcParsedRequest, IpcResponse, PreviewRow } from '../contracts/ipc.ts';
import {
  DatasetError,
  listColumns,
  openTemplate,
  prepareTokens,
  previewRows,
  type Segment,
} from '../datasets/index.ts';
import type { ModelCatalogue } from '../models/index.ts';
import { rowCacheDir, tokenizerOf } from '../runs/index.ts';
import { charsOf, countTokens, findCuts } from './row-lengths.ts';

/** Refused rows that are shown with their reason; all are counted. */
const REFUSED_SHOWN = 500;

/** Looks into datasets for the screen where a run is made. */
export class DatasetService {
  private readonly models: ModelCatalogue;
  private inspecting: AbortController | null = null;
  private previewing: AbortController | null = null;

  constructor(models: ModelCatalogue) {
    this.models = models;
  }

  /**
   * Reads a dataset through: format, columns, refused rows, token counts, lengths. A newer call ends an older one, whose
   * question is answered by then.
   * @throws DatasetError dataset_cancelled when a newer call came, and the codes of prepareTokens; TrainerError
   */
  async inspect(request: IpcParsedRequest<'datasets.inspect'>): Promise<DatasetReport> {
    this.inspecting?.abort();
    const abort = (this.inspecting = new AbortController());
    const out_dir = await mkdtemp(join(tmpdir(), 'forja-inspect-'));
    try {
      const { model_path, max_seq_len, data_path, val_path, val_share, format, columns, split_seed } = request;
      const { info } = await this.models.open(model_path);
      const available_columns = await listColumns(data_path);
      const { audit } = await prepareTokens({
        data_path,
        val_path,
        val_share,
        split_seed,
        format,
        columns,
        objective: request.objective,
        template: openTemplate(info, request.template),
        out_dir,
        startTokenizer: tokenizerOf(model_path, request),
        max_seq_len,
        text_overlap_tokens: request.text_overlap_tokens,
        max_refused_examples: REFUSED_SHOWN,
        cache_dir: rowCacheDir(),
        signal: abort.signal,
      });
      const { preview: _, system_prompt: _system, ...report } = audit;
      return { ...report, available_columns };
    } finally {
      if (this.inspecting === abort) this.inspecting = null;
      await rm(out_dir, { recursive: true, force: true });
    }
  }

  /**
   * Some rows as the model will see them, with what lies beyond max_seq_len marked as cut.
   * @throws DatasetError dataset_cancelled when a newer call came, and the codes of openDataset; TrainerError
   */
  async preview(request: IpcParsedRequest<'datasets.preview'>): Promise<IpcResponse<'datasets.preview'>> {
    this.previewing?.abort();
    const abort = (this.previewing = new AbortController());
    try {
      const { model_path, max_seq_len, data_path: path, format, columns, offset, limit } = request;
      const { info } = await this.models.open(model_path);
      const { rows, has_more } = await previewRows({
        path,
        format,
        columns,
        objective: request.objective,
        template: openTemplate(info, request.template),
        max_seq_len,
        offset,
        limit,
        signal: abort.signal,
      });
      const start = tokenizerOf(model_path, request);
      const count = async (some: Segment[][]) =>
        (
          await countTokens(
            some.map((segments) => ({ segments, isText: false })),
            start,
            abort.signal,
          )
        ).map(({ tokens }) => tokens);
      const usable = rows.filter(({ refusal }) => refusal === null);
      const used = usable.map(({ segments }) => segments);
      const counts = await countTokens(usable, start, abort.signal);
      // Plain text loses nothing: what is too much for one row is in the next.
      const long = used.filter((_, at) => !usable[at]!.isText && counts[at]!.tokens > max_seq_len);
      const cuts = await findCuts(long, max_seq_len, count);
      const cutOf = new Map(long.map((segments, at) => [segments, cuts[at]!]));
      const tokensOf = new Map(used.map((segments, at) => [segments, counts[at]!]));
      return {
        rows: rows.map(({ line, segments, part, refusal }) => ({
          line,
          tokens: refusal === null ? (tokensOf.get(segments)?.tokens ?? null) : null,
          part,
          windows: tokensOf.get(segments)?.rows ?? 1,
          segments: markCut(segments, cutOf.get(segments) ?? charsOf(segments)),
          refusal,
        })),
        has_more,
      };
    } catch (error) {
      if (!abort.signal.aborted) throw error;
      throw new DatasetError('dataset_cancelled', 'Reading the dataset was cancelled.', 'Start again when ready.');
    } finally {
      if (this.previewing === abort) this.previewing = null;
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.inspecting?.abort();
    this.previewing?.abort();
  }
}

/** Segments for the screen; the one that is cut becomes two. @param kept characters that the model sees */
export function markCut(segments: readonly Segment[], kept: number): PreviewRow['segments'] {
  const out: PreviewRow['segments'] = [];
  let left = kept;
  for (const [text, mark] of segments) {
    const supervised = mark === 1;
    const seen = text.slice(0, Math.max(0, left));
    const lost = text.slice(seen.length);
    if (seen !== '') out.push({ text: seen, supervised, cut: false });
    if (lost !== '') out.push({ text: lost, supervised, cut: true });
    left -= text.length;
  }
  return out;
}
