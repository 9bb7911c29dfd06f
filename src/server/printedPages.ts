import { describeConfig, readConfig } from '../core/config.js';
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

/** The text of docs/settings.md. */
export function settingsPage(): string {
  const rows = describeConfig(readConfig({})).map(
    ({ name, value, about }) => `| \`${name}\` | ${value === '' ? '' : `\`${value}\``} | ${about} |`,
  );
  return [
    '# Settings',
    '',
    'All of them come from the environment. `npx licensegraph config` shows them as resolved, secrets masked; a bad, unknown or',
    'contradictory one stops the start and is named. Printed from `src/core/config.ts` by `licensegraph print`; a test fails',
    'when it is stale.',
    '',
    '| setting | default | meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
