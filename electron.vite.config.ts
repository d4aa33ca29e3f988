import { join } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'electron-vite';

const at = (path: string) => join(import.meta.dirname, path);

/** CommonJS by its name: package.json says that .js is ESM. */
const output = { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: 'chunks/[name]-[hash].cjs' } as const;

// One build runs on the Electron of package.json and on the fallback runtime (scripts/electron-runtime): Electron 25, with
// Node 18.15 and Chrome 114. That one takes no ESM entry, and what is ESM only is bundled.
export default defineConfig({
  main: {
    build: {
      outDir: at('out/main'),
      target: 'node18.15',
      sourcemap: true,
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: at('main/app/index.ts') },
        // Addons, and what looks for its own files beside itself.
        external: ['electron', 'better-sqlite3', 'node-llama-cpp'],
        output,
      },
    },
  },
  preload: {
    build: {
      outDir: at('out/preload'),
      target: 'node18.15',
      // A sandboxed preload script can't load others.
      externalizeDeps: false,
      rolldownOptions: { input: { index: at('main/preload/index.ts') }, output },
    },
  },
  renderer: {
    root: at('renderer'),
    base: './',
    plugins: [svelte()],
    build: {
      outDir: at('out/renderer'),
      target: 'chrome114',
      cssTarget: 'chrome114',
      // The Content-Security-Policy lets in no data: URLs but for images.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: { index: at('renderer/index.html') } },
    },
  },
});
