import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** Shows the screens in a browser with recorded answers: `npx vite --config renderer/dev/vite.config.ts`. Never shipped. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [svelte()],
  build: { outDir: '../../out/renderer-dev', emptyOutDir: true, target: 'chrome114' },
  server: { fs: { allow: ['../..'] } },
});
