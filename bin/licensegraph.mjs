#!/usr/bin/env node
/** The command `licensegraph`. In a checkout that was never built it prepares that first. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

const main = join(root, 'dist/main.js');
if (!existsSync(main) && existsSync(join(root, 'src'))) prepare();
process.argv[1] = main;
await import('../dist/main.js');
