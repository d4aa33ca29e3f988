import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/**
 * The model file among a command line's arguments, as a file manager gives it.
 * @param cwd what a relative path starts from
 */
export function ggufIn(args: readonly string[], cwd: string): string | null {
  const found = args.filter((argument) => !argument.startsWith('-') && /\.gguf$/i.test(argument));
  return found.map((argument) => resolve(cwd, argument)).find((path) => existsSync(path)) ?? null;
}
