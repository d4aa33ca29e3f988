import { relative, resolve, dirname, sep } from 'node:path';

const services = ['contracts', 'domain'];
const core = [...services, 'datasets', 'models', 'db', 'trainer', 'chat', 'export', 'settings', 'runs'];
const everything = [...core, 'evaluation', 'services'];

/**
 * Which folders of main/ may import which (see ARCHITECTURE.md). A folder always may import itself.
 * @type {Record<string, string[]>}
 */
export const LAYERS = {
  contracts: [],
  domain: ['contracts'],
  datasets: services,
  models: [...services, 'trainer'],
  db: services,
  trainer: services,
  chat: [...services, 'datasets'],
  export: [...services, 'trainer'],
  settings: services,
  runs: [...services, 'datasets', 'models', 'db', 'trainer', 'export', 'settings'],
  // Models measured on held-out rows, before and after tuning.
  evaluation: [...services, 'datasets', 'models', 'db', 'trainer', 'chat', 'runs'],
  // What the app's screens ask for, out of all the layers below.
  services: [...core, 'evaluation'],
  ipc: everything,
  app: [...everything, 'ipc'],
  cli: everything,
  preload: ['contracts'],
};

/** Packages that only some layers may import. */
const PACKAGES = {
  electron: ['app', 'ipc', 'preload'],
  'better-sqlite3': ['db'],
  'node-llama-cpp': ['chat', 'models'],
};

/** Packages that a layer is confined to; others are free. Node's own modules count as packages. */
const ONLY = { contracts: ['zod', 'ajv'], domain: [] };

/**
 * The layer that a file belongs to, or null outside of main/ and renderer/.
 * @param {string} root
 * @param {string} file
 */
export function layerOf(root, file) {
  const [top, second] = relative(root, file).split(sep);
  if (top === 'renderer') return 'renderer';
  if (top !== 'main' || second === undefined || second.endsWith('.ts')) return null;
  return second;
}

/**
 * Why an import is not allowed, or null when it is.
 * @param {string} root the repository's root
 * @param {string} file the importing file
 * @param {string} source what is imported, as written
 */
export function refuseImport(root, file, source) {
  const from = layerOf(root, file);
  if (from === null) return null;
  if (source.startsWith('.')) {
    const to = layerOf(root, resolve(dirname(file), source));
    if (to === null || to === from) return null;
    const allowed = from === 'renderer' ? ['contracts'] : (LAYERS[from] ?? null);
    if (allowed === null)
      return `main/${from} is not a known layer: add it to scripts/eslint/layers.mjs and ARCHITECTURE.md`;
    return allowed.includes(to) ? null : `${from} may not import ${to} (see ARCHITECTURE.md)`;
  }
  const name = source.startsWith('@') ? source.split('/').slice(0, 2).join('/') : source.split('/')[0];
  const holders = PACKAGES[name];
  if (holders !== undefined && !holders.includes(from)) return `only ${holders.join(', ')} may import ${name}`;
  if (/\.test\.ts$/.test(file)) return null;
  const only = ONLY[from];
  return only !== undefined && !only.includes(name)
    ? `${from} may import ${only.join(', ') || 'no package'}, not ${name}`
    : null;
}

/** The ESLint rule. */
export const layersRule = {
  meta: { type: 'problem', schema: [], messages: { refused: '{{reason}}' } },
  create(context) {
    const check = (node) => {
      const source = node.source?.value;
      if (typeof source !== 'string') return;
      const reason = refuseImport(context.cwd, context.filename, source);
      if (reason !== null) context.report({ node: node.source, messageId: 'refused', data: { reason } });
    };
    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};
