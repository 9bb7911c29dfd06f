import { expect, test } from 'vitest';
import { createLog } from '../../src/core/log.js';

function lineOf(run: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  run(createLog('info', { write: (line: string) => void lines.push(line) }));
  return lines.join('');
}

/** As drizzle throws it: the parameters stand in the message, and so in the stack. */
function failedStatement(parameters: readonly string[]): Error {
  const cause = new Error('duplicate key value violates unique constraint');
  const error = new Error(`Failed query: insert into t values ($1)\nparams: ${parameters.join(',')}`, {
    cause,
  });
  return Object.assign(error, { query: 'insert into t values ($1)', params: parameters });
}

test('a failed statement is logged without its parameters, whatever they look like', () => {
  const line = lineOf((log) =>
    log.error({ err: failedStatement(['first\n    at x', 'SECRET-HASH']) }, 'failed'),
  );

  expect(line).toContain('insert into t values ($1)');
  expect(line).toContain('duplicate key value violates');
  expect(line).not.toContain('SECRET-HASH');
});

test('an error keeps its message and its frames', () => {
  const line = lineOf((log) => log.error({ err: new Error('it broke') }, 'failed'));

  expect(line).toContain('it broke');
  expect(line).toContain('log.test.ts');
});

test('a member that holds a secret is masked, however deep it stands', () => {
  const secrets = {
    licenseKey: 'SECRET-1',
    a: { activationToken: 'SECRET-2', b: { c: { deviceFingerprint: 'SECRET-3' } } },
  };

  expect(lineOf((log) => log.info(secrets, 'said'))).not.toContain('SECRET');
});
