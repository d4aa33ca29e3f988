/** The last part of a path, of whichever system. */
export function fileName(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}

/** The same without its extension. */
export function stemOf(path: string): string {
  return fileName(path).replace(/\.[^.]+$/, '');
}
