/**
 * `npm start`: prepares the checkout, then is the server itself, so that signals reach it without a process
 * in between.
 */
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

process.chdir(root);
prepare();
process.argv = [process.execPath, join(root, 'dist/main.js'), 'serve', ...process.argv.slice(2)];
await import('../dist/main.js');
