import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';
import { ClosingLine } from './tests/support/closingLine.js';

const require = createRequire(import.meta.url);

export default defineConfig({
  resolve: {
    // Our imports and those of the libraries have to meet in one copy of graphql.
    alias: [{ find: /^graphql$/, replacement: require.resolve('graphql') }],
  },
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/support/database.ts'],
    reporters: ['default', new ClosingLine()],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // A busy machine takes seconds for what an idle one does at once; what never comes is told all the same.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // Pages run in Chromium, where this does not count.
      exclude: ['src/main.ts', 'src/graphiql/**'],
      reporter: ['text-summary'],
      thresholds: { lines: 80 },
    },
  },
});
