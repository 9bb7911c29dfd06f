import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
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
    // A file waits for PostgreSQL and for child processes half of its time: vitest's own count, one less than there are
    // processors, leaves the second of two idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: ['default', new ClosingLine()],
    // A busy machine takes seconds for what an idle one does at once; what never comes is told all the same. No test has
    // a shorter limit of its own, but where the time is what it tests.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 20_000,
    expect: { poll: { timeout: 45_000, interval: 20 } },
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
