/** Where the app is: the part of the address after `#`, such as `/runs/4f2a`. */
class Router {
  #path = $state('/');

  get path(): string {
    return this.#path;
  }

  /** Follows the address; returns what undoes that. */
  start(): () => void {
    const follow = () => (this.#path = pathOf(window.location.hash));
    follow();
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }

  /** Goes to a screen; `path` as in `hrefOf`. */
  go(path: string): void {
    window.location.hash = hrefOf(path);
  }
}

export const router = new Router();

/** The path in a hash; without one, the start screen. */
export function pathOf(hash: string): string {
  const path = hash.replace(/^#/, '');
  return path.startsWith('/') ? path : '/';
}

/** What a link to a screen has as its address. */
export function hrefOf(path: string): string {
  return `#${path}`;
}

/**
 * Compares a path with a pattern such as `/runs/:id`; what stands after `?` is not compared.
 *
 * @returns the parts that the pattern names, or null when the path is another
 */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const [before = ''] = path.split('?');
  const wanted = pattern.split('/').filter((part) => part !== '');
  const given = before.split('/').filter((part) => part !== '');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index]!;
    if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return null;
  }
  return params;
}

/** The values after `?` in a path. */
export function queryOf(path: string): URLSearchParams {
  return new URLSearchParams(path.split('?')[1] ?? '');
}
