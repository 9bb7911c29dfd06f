import { refusalCodes } from '../core/refusal.js';

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const rows = Object.entries(refusalCodes).map(
    ([code, [status, meaning]]) => `| \`${code}\` | ${status} | ${meaning} |`,
  );
  return [
    '# Errors',
    '',
    'Every error of the graph carries `extensions.code`, one of this list. Printed from `src/core/refusal.ts` by',
    '`licensegraph print`; a test fails when it is stale.',
    '',
    '| code | HTTP meaning | when |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
