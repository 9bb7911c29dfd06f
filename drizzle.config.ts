import { defineConfig } from 'drizzle-kit';

// The tables are read from the build: drizzle-kit does not resolve TypeScript's own `.js` import paths.
export default defineConfig({
  dialect: 'postgresql',
  schema: './dist/*/table{.js,/*.js}',
  out: './drizzle',
});
