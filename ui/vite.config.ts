/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// `npm run dev` serves the sources and hands everything else to a running clew.
const clew = process.env.CLEW_URL ?? 'http://127.0.0.1:7400';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { host: '127.0.0.1', proxy: { '/api': clew, '/facts.json': clew, '/readyz': clew, '/metrics': clew } },
  build: {
    outDir: 'dist',
    target: 'es2023',
    manifest: true, // for scripts/budget.mjs
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'node' },
});
