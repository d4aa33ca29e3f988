/**
 * Datasets: from a file to the token file that the trainer maps.
 *
 *   const template = openTemplate(inspectResult, 'auto');
 *   const prepared = await prepareTokens({ data_path, template, out_dir, startTokenizer, val_share: 0.05, seed: 1 });
 *   print(prepared.audit);   // then train on prepared.train_tokens_path and prepared.val_tokens_path
 *
 * Only `prepareTokens`, `openTemplate` and `openDataset` are needed by most; the rest serves previews and tests.
 */
export { DatasetError } from './errors.ts';
export { prepareTokens, type PrepareOptions, type PreparedTokens } from './prepare.ts';
export { listColumns, previewRows, type PreviewedRow } from './preview.ts';
export { readExamples } from './examples.ts';
export { openReader } from './readers/index.ts';
export { TokenSink } from './token-sink.ts';
export { hashConversation, type HashSet } from './hash.ts';
export { hashSetOf } from './held-out-hashes.ts';
export { identityOf } from './row-cache.ts';
export { HeldOutSplit } from './split.ts';
export { learnedText } from './templates/segments.ts';
export { openDataset, type Dataset, type OpenOptions } from './dataset.ts';
export { openTemplate, type PromptTemplate } from './templates/index.ts';
export type * from './types.ts';
