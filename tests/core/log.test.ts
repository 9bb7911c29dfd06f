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

test('a member that holds a secret is masked in lists and in what prints itself, and the object stays as it was', () => {
  const said = {
    list: [{ token: 'SECRET-1' }, { a: { b: { c: { d: { secret: 'SECRET-2' } } } } }],
    own: { toJSON: () => ({ password: 'SECRET-3', rest: 'kept' }) },
    cookie: { of: 'SECRET-4' },
  };

  const line = JSON.parse(lineOf((log) => log.info(said, 'said')));

  expect(line).toMatchObject({
    list: [{ token: '(secret)' }, { a: { b: { c: { d: { secret: '(secret)' } } } } }],
    own: { password: '(secret)', rest: 'kept' },
    cookie: '(secret)',
  });
  expect(said.list[0]?.token).toBe('SECRET-1');
});

test('what cannot be printed is logged as that, and its line with it', () => {
  const round: { self?: object; token: string } = { token: 'SECRET-1' };
  round.self = round;

  const line = JSON.parse(lineOf((log) => log.info({ round, count: 1 }, 'said')));

  expect(line).toMatchObject({ round: '(unprintable)', count: 1, msg: 'said' });
});
