import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, gzip, constants as zlib } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const output = path('dist/pages');

/** Served as they lie there, so nothing is compressed while somebody waits. Brotli's best level takes 9 s for 10 % less. */
function precompressed(): Plugin {
  const brotli = { params: { [zlib.BROTLI_PARAM_QUALITY]: 5 } };
  return {
    name: 'precompressed',
    apply: 'build',
    closeBundle: async () => {
      const folder = join(output, 'assets');
      const names = (await readdir(folder)).filter((name) => /\.(js|css|ttf|svg)$/.test(name));
      for (const name of names) {
        const content = await readFile(join(folder, name));
        await writeFile(join(folder, `${name}.br`), await promisify(brotliCompress)(content, brotli));
        await writeFile(join(folder, `${name}.gz`), await promisify(gzip)(content));
      }
    },
  };
}

/** The web pages, one folder of src/ each, bundled together so that they share what they have in common. */
export default defineConfig({
  root: path('src'),
  publicDir: false,
  plugins: [react(), precompressed()],
  worker: { format: 'es' },
  build: {
    outDir: output,
    emptyOutDir: true,
    target: 'es2022',
    // Its code would be inline, and every browser that we build for knows what it replaces.
    modulePreload: { polyfill: false },
    // One piece of it holds the editor, which is loaded after the page stands.
    chunkSizeWarningLimit: 4_000,
    rolldownOptions: {
      input: { graphiql: path('src/graphiql/index.html') },
      // Directives of React's compiler in the libraries, which mean nothing to a bundler.
      onLog: (level, log, report) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
});
