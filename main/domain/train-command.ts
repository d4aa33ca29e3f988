import { JOBS } from '../contracts/job-schema.ts';

type SettingValue = string | number | boolean | readonly string[];

/** What a run was made of. */
export interface TrainCommandParts {
  model_path: string;
  data_path: string;
  val_path: string | null;
  val_share: number;
  format: string;
  columns: Readonly<Record<string, string | undefined>>;
  template: string;
  name: string;
  out_dir: string;
  /** By their names in native/protocol. */
  settings: Readonly<Record<string, SettingValue | null | undefined>>;
}

/**
 * The command that trains the same run again, into a folder beside its own. Settings that have their default are left out.
 * @param isWindows words are quoted for cmd and PowerShell, else for a POSIX shell
 */
export function trainCommand(run: TrainCommandParts, isWindows: boolean): string {
  const words = ['npx', 'forja', 'train', '--model', run.model_path, '--data', run.data_path];
  const give = (flag: string, value: string) => words.push(`--${flag}`, value);
  if (run.val_path !== null) give('val', run.val_path);
  else if (run.val_share > 0) give('val-share', String(run.val_share));
  if (run.format !== 'auto') give('format', run.format);
  for (const [part, column] of Object.entries(run.columns))
    if (column !== undefined) give('column', `${part}=${column}`);
  if (run.template !== 'auto') give('template', run.template);
  give('out', `${run.out_dir}-2`);
  give('name', run.name);
  for (const [name, schema] of Object.entries(JOBS.train.properties)) {
    const value = run.settings[name];
    if (schema.setting === undefined || schema.enum?.length === 1 || value === undefined || value === null) continue;
    if (JSON.stringify(value) === JSON.stringify(schema.default)) continue;
    const flag = name.replaceAll('_', '-');
    // A switch is there or not.
    if (typeof value === 'boolean') words.push(`--${flag}`);
    else give(flag, typeof value === 'object' ? value.join(',') : String(value));
  }
  return words.map(isWindows ? quotedForWindows : quoted).join(' ');
}

const PLAIN = /^[\w./:=@%+,-]+$/;

const quoted = (word: string) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

/** A path of Windows holds no quotation mark; in a name it is doubled, as both shells' programs read it. */
const quotedForWindows = (word: string) => (/^[\w./\\:=@+,-]+$/.test(word) ? word : `"${word.replaceAll('"', '""')}"`);
