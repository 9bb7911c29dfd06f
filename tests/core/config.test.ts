import { expect, test } from 'vitest';
import { describeConfig, readConfig } from '../../src/core/config.js';
import { StartupError } from '../../src/core/startupError.js';

function refusal(environment: NodeJS.ProcessEnv): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof StartupError) return error.message;
    throw error;
  }
  return '';
}

const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://someone:hunter2@db.example/lg',
  LG_AUTH_ISSUER: 'https://id.example',
  LG_AUTH_JWKS_URL: 'https://id.example/jwks.json',
};

test('an empty environment is a development server on port 4000', () => {
  const config = readConfig({});

  expect(config).toMatchObject({
    NODE_ENV: 'development',
    PORT: 4000,
    HOST: '127.0.0.1',
    LG_DATA_DIR: '.licensegraph',
  });
});

test('what belongs to somebody else in the environment does not matter', () => {
  expect(refusal({ PATH: '/bin', HOME: '/root', EDITOR: 'vi' })).toBe('');
});

const bad: [name: string, environment: NodeJS.ProcessEnv][] = [
  ['LG_LEASE_SECOND', { LG_LEASE_SECOND: '900' }],
  ['PORT', { PORT: 'abc' }],
  ['PORT', { PORT: '70000' }],
  ['DATABASE_URL', { DATABASE_URL: 'mysql://secret-word@db' }],
  ['DATABASE_URL', { DATABASE_URL: 'postgres://someone:secret-word@db:99999/lg' }],
  ['DATABASE_URL', { DATABASE_URL: 'postgres://someone:secret-word%zz@db/lg' }],
  ['LG_KEYS_FILE', { LG_KEYS: 'file' }],
  ['LG_KEYS_COMMAND', { LG_KEYS: 'command' }],
  ['LG_DATABASE_POOL', { LG_DATABASE_POOL: '1' }],
  ['LG_LOG_LEVEL', { LG_LOG_LEVEL: 'loud' }],
  ['LG_AUTH_JWKS_URL', { LG_AUTH_JWKS_URL: 'not a url' }],
  ['LG_AUTH_ALGORITHMS', { LG_AUTH_ALGORITHMS: 'none' }],
  ['LG_AUTH_ALGORITHMS', { LG_AUTH_ALGORITHMS: 'HS256' }],
  ['LG_AUTH_HS256_SECRET', { LG_AUTH_HS256_SECRET: 'secret-word' }],
  ['LG_TRUSTED_PROXIES', { LG_TRUSTED_PROXIES: '10.0.0.0/8,proxy.internal' }],
  [
    'LG_AUTH_HS256_SECRET',
    { LG_AUTH_HS256_SECRET: 'x'.repeat(40), LG_AUTH_ISSUER: 'i', LG_AUTH_JWKS_URL: 'https://id.example/k' },
  ],
  ['LG_DEMO', { LG_DEMO: 'yes' }],
  ['DATABASE_URL', { ...production, DATABASE_URL: undefined }],
  ['LG_AUTH_ISSUER', { ...production, LG_AUTH_ISSUER: undefined }],
  ['LG_AUTH_JWKS_URL', { ...production, LG_AUTH_JWKS_URL: undefined }],
  ['LG_AUTH_HS256_SECRET', { ...production, LG_AUTH_HS256_SECRET: 'x'.repeat(40) }],
  ['LG_DEMO', { ...production, LG_DEMO: 'true' }],
  ['LG_WEBHOOK_PRIVATE', { LG_WEBHOOK_PRIVATE: 'true' }],
  ['LG_WEBHOOK_PRIVATE', { ...production, LG_WEBHOOK_PRIVATE: 'allow' }],
];

test.each(bad)('a bad setting stops the start by its name: %s', (name, environment) => {
  const message = refusal(environment);

  expect(message).toContain(`${name}:`);
  expect(message).not.toContain('secret-word');
});

test('every bad setting is named at once', () => {
  const message = refusal({ PORT: 'abc', LG_FOO: '1', LG_LOG_LEVEL: 'loud' });

  expect(message.split('\n')).toHaveLength(4);
});

test('secrets are masked where settings are shown', () => {
  const shown = describeConfig(readConfig(production));

  expect(shown.find(({ name }) => name === 'DATABASE_URL')?.value).toBe('(secret)');
  expect(JSON.stringify(shown)).not.toContain('hunter2');
});
