import { realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { ForjaError } from '../contracts/errors.ts';

/**
 * What the window may name: files and folders that the person picked in a dialog or dropped, and those that Forja owns.
 * The window is the app's own page; this holds should it ever run something else.
 */
export class AllowedPaths {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();
  private readonly outputs = new Set<string>();

  /** A file that may be read from now on. */
  allowFile(path: string): void {
    this.files.add(real(path));
  }

  /** A folder in which everything may be read from now on. */
  allowFolder(path: string): void {
    this.folders.add(real(path));
  }

  /** A file or folder that may be written from now on. */
  allowOutput(path: string): void {
    this.outputs.add(real(path));
  }

  /** @throws ForjaError path_not_allowed */
  requireReadable(path: string): string {
    return this.isReadable(path) ? path : refuse(path);
  }

  /** @throws ForjaError path_not_allowed */
  requireOutput(path: string): string {
    return isAbsolute(path) && this.outputs.has(real(path)) ? path : refuse(path);
  }

  /** @throws ForjaError path_not_allowed */
  requireFolder(path: string): string {
    return isAbsolute(path) && this.folders.has(real(path)) ? path : refuse(path);
  }

  isReadable(path: string): boolean {
    if (!isAbsolute(path)) return false;
    const target = real(path);
    if (this.files.has(target) || this.outputs.has(target)) return true;
    return [...this.folders].some((folder) => isInside(target, folder));
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

/** The path with links followed, as far as it exists: so a link in an allowed folder leads nowhere else. */
function real(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    const parent = dirname(whole);
    return parent === whole ? whole : join(real(parent), basename(whole));
  }
}

function refuse(path: string): never {
  throw new ForjaError(
    'path_not_allowed',
    `Forja was not given ${path}.`,
    'Choose it with the file dialog, or drop it into the window.',
    { path },
  );
}
