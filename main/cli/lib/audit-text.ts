import type { DatasetAudit, FileAudit, SplitAudit, TokenizeResult } from '../../datasets/index.ts';
import { count, percent, plural, table } from './format.ts';
import type { Output } from './output.ts';

const EXAMPLES_SHOWN = 5;
const UNUSED_SHOWN = 12;

/** Prints what is known of a dataset before training. */
export function printAudit(audit: DatasetAudit, max_seq_len: number, output: Output): void {
  printFile('Data', audit.data, output);
  const isPairs = audit.data.format === 'preference';
  printTokens(audit.train, max_seq_len, isPairs, output);
  if (audit.val_data !== null) printFile('Validation file', audit.val_data, output);
  if (audit.split !== undefined && audit.split.held_out_rows > 0) output.text(`Validation  ${scoredText(audit.split)}`);
  if (audit.val !== null) printTokens(audit.val, max_seq_len, isPairs, output);
  output.text(`Template  ${audit.template} (${audit.template_reason})`);
  for (const { message, hint } of audit.warnings) output.warn(message, hint);
}

/** '512 of 50,000 held-out rows', and how they were chosen. */
function scoredText({ source, scored_rows, held_out_rows, val_share, split_seed }: SplitAudit): string {
  const rows = scored_rows < held_out_rows ? `${count(scored_rows)} of ${count(held_out_rows)}` : count(held_out_rows);
  const how = source === 'file' ? '' : ` (val_share ${val_share}, split_seed ${split_seed})`;
  return `${rows} held-out rows${how}`;
}

function printFile(title: string, file: FileAudit, output: Output): void {
  output.text(`${title}  ${file.path}`);
  const columns = Object.values(file.columns).join(', ');
  const rows: string[][] = [
    ['format', `${file.format}${columns === '' ? '' : ` (${columns})`}: ${file.format_reason}`],
    [
      'rows',
      `${count(file.rows_read)} read, ${count(file.rows_used)} used, ${count(file.rows_refused)} refused, ` +
        plural(file.duplicate_rows, 'duplicate'),
    ],
  ];
  const place = shapeText(file);
  if (place !== null) rows.splice(1, 0, ['rows in', place]);
  const examples = file.refused_examples.slice(0, EXAMPLES_SHOWN);
  for (const { line, code, message } of examples) rows.push(['', `line ${line}: ${message} (${code})`]);
  if (file.rows_refused > examples.length) {
    const rest = Object.entries(file.refused_by_code).map(([code, rows]) => `${code} ${count(rows)}`);
    rows.push(['', `… in all: ${rest.join(', ')}`]);
  }
  const unused = (file.unused_fields ?? []).map(({ field, rows: held }) => `${field} ${count(held)}`);
  const shown = unused.slice(0, UNUSED_SHOWN);
  if (shown.length < unused.length) shown.push(`… ${count(unused.length - shown.length)} more`);
  if (shown.length > 0) rows.push(['not used', shown.join(', ')]);
  output.text(table(rows));
}

/** Where in a JSON file the rows are, if that is not plain. */
function shapeText({ shape }: FileAudit): string | null {
  switch (shape?.kind) {
    case 'objects':
      return 'objects one after another';
    case 'entries':
      return 'an object whose values are the rows';
    case 'columns':
      return 'columns of values';
    case 'named': {
      const rest = shape.not_read.map((name) => `"${name}"`).join(', ');
      return `the list "${shape.list}"${rest === '' ? '' : `; not read: ${rest}`}`;
    }
    default:
      return null;
  }
}

function printTokens(tokens: TokenizeResult, max_seq_len: number, isPairs: boolean, output: Output): void {
  const { lost_tokens, windowed_rows, repeated_tokens } = tokens;
  const beyond = lost_tokens === 0 ? '' : `, which lose ${plural(lost_tokens, 'token')}`;
  const windows =
    windowed_rows === 0
      ? []
      : [
          [
            'windows',
            `${plural(windowed_rows, 'piece')} of text cut into several rows; ${plural(repeated_tokens, 'token')} repeated`,
          ],
        ];
  output.text(
    table([
      [
        'tokens',
        `${count(tokens.tokens)} in ${plural(tokens.rows, isPairs ? 'pair' : 'row')}: median ${count(tokens.median_tokens)}, ` +
          `95th percentile ${count(tokens.p95_tokens)}, longest ${count(tokens.max_tokens)}`,
      ],
      ['learned', `${percent(learnedShare(tokens))} of the tokens`],
      ...windows,
      [
        'cut',
        `${plural(tokens.truncated_rows, 'row')} longer than ${max_seq_len} tokens${beyond}; ` +
          `${plural(tokens.empty_rows, 'row')} with nothing to learn` +
          (tokens.alike_pairs ? `; ${plural(tokens.alike_pairs, 'pair')} that differ only beyond that` : ''),
      ],
    ]),
  );
}

/** The share of a dataset's tokens that is learned: those within max_seq_len, each counted once. */
function learnedShare({ tokens, repeated_tokens, supervised_tokens, lost_supervised_tokens }: TokenizeResult): number {
  const all = tokens - repeated_tokens;
  return all === 0 ? 0 : (supervised_tokens - lost_supervised_tokens) / all;
}

/** The audit as one flat object; lists stay lists. */
export function flatAudit(audit: DatasetAudit): Record<string, unknown> {
  const { data, train, val } = audit;
  const { length_histogram: _, ...tokens } = { ...train };
  return {
    path: data.path,
    format: data.format,
    template: audit.template,
    rows_read: data.rows_read,
    rows_used: data.rows_used,
    rows_refused: data.rows_refused,
    duplicate_rows: data.duplicate_rows,
    tokens: tokens.tokens,
    supervised_tokens: tokens.supervised_tokens,
    supervised_share: tokens.tokens === 0 ? 0 : tokens.supervised_tokens / tokens.tokens,
    learned_share: learnedShare(train),
    lost_tokens: tokens.lost_tokens,
    lost_supervised_tokens: tokens.lost_supervised_tokens,
    windowed_rows: tokens.windowed_rows,
    repeated_tokens: tokens.repeated_tokens,
    median_tokens: tokens.median_tokens,
    p95_tokens: tokens.p95_tokens,
    max_tokens: tokens.max_tokens,
    truncated_rows: tokens.truncated_rows,
    empty_rows: tokens.empty_rows,
    alike_pairs: tokens.alike_pairs ?? 0,
    val_rows: val?.rows ?? 0,
    held_out_rows: audit.split?.held_out_rows ?? 0,
    train_rows: audit.split?.train_rows ?? train.rows,
    val_tokens: val?.tokens ?? 0,
    refused: data.refused_examples,
    refused_by_code: data.refused_by_code,
    unused_fields: data.unused_fields,
    shape: data.shape,
    warnings: audit.warnings,
    length_histogram: train.length_histogram,
  };
}
