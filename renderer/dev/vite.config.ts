import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** Shows the screens in a browser with recorded answers: `npx vite --config renderer/dev/vite.config.ts`. Never shipped. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [svelte()],
  build: { outDir: '../../out/renderer-dev', emptyOutDir: true, target: 'chrome114' },
  // The built harness under the policy of the real page: `vite build`, then `vite preview`.
  preview: {
    headers: {
      'Content-Security-Policy':
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'",
    },
  },
  server: { fs: { allow: ['../..'] } },
});
