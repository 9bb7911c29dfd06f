import { defineConfig } from 'vitest/config';
import tests from './vitest.config.js';

/**
 * Measurements run as tests do, on the same kind of database, but only when asked for, and one at a time: `npm run bench`.
 * Their process collects its garbage as `npm start` has it.
 */
export default defineConfig({
  ...tests,
  test: {
    ...tests.test,
    include: ['bench/*.ts'],
    fileParallelism: false,
    execArgv: ['--max-semi-space-size=32'],
  },
});
