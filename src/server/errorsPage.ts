import { type RefusalCode, recordedAs, refusalCodes } from '../core/refusal.js';

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const codes = Object.keys(refusalCodes) as RefusalCode[];
  const rows = codes.map((code) => {
    const [status, meaning] = refusalCodes[code];
    const event = recordedAs(code);
    return `| \`${code}\` | ${status} | ${meaning} | ${event === undefined ? '' : `\`${event}\``} |`;
  });
  return [
    '# Errors',
    '',
    'Every error of the graph carries `extensions.code`, one of this list. Printed from `src/core/refusal.ts` by',
    '`licensegraph print`; a test fails when it is stale.',
    '',
    '| code | HTTP meaning | when | recorded as |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
