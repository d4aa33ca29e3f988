import type { ExitCode } from '../../contracts/errors.ts';
import type { Output } from './output.ts';

/** An option of the command line, as `--help` shows it. */
export interface Option {
  /** Without the dashes. */
  flag: string;
  kind: 'string' | 'number' | 'boolean';
  /** What stands for the value in the help. */
  value?: string;
  help: string;
  /** Shown in the help; the value itself is filled in by whoever takes the setting. */
  default?: string;
  required?: boolean;
  /** May come several times. */
  repeated?: boolean;
  /** The words that it takes. */
  choices?: readonly string[];
}

/** What was given: options by flag, and the words that are none. */
export interface Arguments {
  options: Record<string, string | number | boolean | string[] | undefined>;
  words: string[];
}

/** One command of `forja`. */
export interface Command {
  name: string;
  summary: string;
  /** What follows the name in the usage line, besides options; `[X]` may be left out. */
  words?: string[];
  /** Longer text below the usage. */
  about?: string;
  groups: { title: string; options: Option[] }[];
  examples?: string[];
  run: (args: Arguments, output: Output) => Promise<ExitCode>;
}
