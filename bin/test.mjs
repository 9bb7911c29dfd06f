/**
 * `npm test`: prepares the checkout, then runs the tests; with coverage unless only some files are asked for.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root } from './prepare.mjs';

prepare();
const wanted = process.argv.slice(2);
const coverage = wanted.some((argument) => !argument.startsWith('-')) ? [] : ['--coverage'];
const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...coverage, ...wanted];
const vitest = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
// The terminal sends Ctrl-C to both: we stay until vitest has ended. Other signals come to us alone.
process.on('SIGINT', () => {});
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => vitest.kill(signal));
vitest.on('exit', (code) => process.exit(code ?? 1));
