import type { TestServerOptions } from './server.js';

/** A server that follows events remembers what callers are granted; one that follows none reads it each time. */
export const modes: readonly (readonly [mode: string, options: TestServerOptions])[] = [
  ['that reads licenses each time', {}],
  ['that remembers licenses', { events: true }],
];
