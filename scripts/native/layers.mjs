// Which folder of native/src may include which: base → gguf → ops → peft → model → train; trace makes the model's program, data and
// export lie beside. The test beside holds it, as ESLint holds main/.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @type {Record<string, string[]>} */
export const LAYERS = {
  base: [],
  gguf: ['base'],
  ops: ['base', 'gguf'],
  data: ['base', 'gguf'],
  trace: ['base', 'gguf', 'ops'],
  peft: ['base', 'gguf', 'ops'],
  optim: ['base', 'ops', 'peft'],
  export: ['base', 'gguf', 'ops', 'peft', 'data'],
  model: ['base', 'gguf', 'ops', 'peft', 'trace'],
  train: ['base', 'gguf', 'ops', 'peft', 'trace', 'optim', 'model', 'data', 'export'],
};

/** The first folders of what a source includes in quotes. @param {string} text */
export const includedLayers = (text) => [...text.matchAll(/^\s*#\s*include\s+"([a-z]+)\//gm)].map((match) => match[1]);

/**
 * Includes that the order forbids, as "file → folder".
 * @param {string} src native/src
 */
export function forbiddenIncludes(src) {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[ch]pp$/.test(name))
    .flatMap((name) => {
      const layer = name.split(/[\\/]/)[0];
      const allowed = LAYERS[layer];
      if (allowed === undefined) return [`${name}: the folder ${layer} has no place in the order`];
      return includedLayers(readFileSync(join(src, name), 'utf8'))
        .filter((other) => other in LAYERS && other !== layer && !allowed.includes(other))
        .map((other) => `${name} → ${other}`);
    });
}
