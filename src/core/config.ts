import postgres from 'postgres';
import { z } from 'zod';
import { parseRange } from './addressRange.js';
import { chargeSettings } from './chargeSettings.js';
import { ALGORITHMS, issuerList, json, keysUrl, publicKeySet } from './issuers.js';
import { mailSettings } from './mailSettings.js';
import { paymentSettings } from './paymentSettings.js';
import { list, type Setting, setting } from './setting.js';
import { StartupError } from './startupError.js';

const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

/** An origin as browsers send it: scheme, host and a port that is not the scheme's own. */
const isOrigin = (value: string): boolean =>
  value === '*' || (/^https?:[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value);

const perMinute = z.coerce.number().int().min(0).max(1_000_000);

/** The driver's own reading, which connects to nothing yet; its errors show the password, and stay here. */
function isDatabaseUrl(value: string): boolean {
  try {
    postgres(value);
    return true;
  } catch {
    return false;
  }
}

const isAddressRange = (value: string): boolean => parseRange(value) !== undefined;

/** Every setting there is. docs/settings.md and `licensegraph config` are printed from it. */
export const settings = {
  NODE_ENV: setting(
    z.enum(['development', 'production', 'test']).default('development'),
    'In `production` nothing is generated: database, keys and token issuer have to be given.',
  ),
  PORT: setting(
    z.coerce.number().int().min(0).max(65535).default(4000),
    'The port to listen on; 0 takes a free one.',
  ),
  HOST: setting(z.string().min(1).default('127.0.0.1'), 'The address to listen on; `0.0.0.0` for all.'),
  DATABASE_URL: setting(
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
      .refine(isDatabaseUrl, 'is no URL; what is special in a password is written as %40')
      .optional(),
    'PostgreSQL 15 to 18. Without it an embedded one keeps its data in the data folder.',
    true,
  ),
  LG_DATA_DIR: setting(
    z.string().min(1).default('.licensegraph'),
    'The folder of the embedded database and of generated keys.',
  ),
  LG_LOG_LEVEL: setting(
    z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
    'How much is logged.',
  ),
  LG_DATABASE_POOL: setting(
    z.coerce.number().int().min(2).max(200).default(10),
    'Connections of one process for requests.',
  ),
  LG_STATEMENT_SECONDS: setting(
    z.coerce.number().int().min(1).max(600).default(15),
    'After how long a statement is cancelled.',
  ),
  LG_OPERATION_SECONDS: setting(
    z.coerce.number().int().min(1).max(600).default(10),
    'After how long an operation is ended, with whatever it runs in the database.',
  ),
  LG_AUTH_ISSUER: setting(z.string().min(1).optional(), 'The `iss` that bearer tokens must have.'),
  LG_AUTH_AUDIENCE: setting(
    z.string().min(1).default('licensegraph'),
    'The `aud` that bearer tokens must have.',
  ),
  LG_AUTH_JWKS_URL: setting(keysUrl.optional(), "Where the issuer's public keys are; https in production."),
  LG_AUTH_JWKS: setting(
    json(publicKeySet).optional(),
    "The issuer's public keys themselves, as a JWKS document.",
  ),
  LG_AUTH_ISSUERS: setting(
    json(issuerList).optional(),
    'Several issuers, in the place of the one above: a JSON list of `{issuer, jwksUrl or jwks, audience?, algorithms?, tenants?, operators?}`.',
  ),
  LG_AUTH_ALGORITHMS: setting(
    list.pipe(z.array(z.enum(ALGORITHMS)).min(1)).default(['EdDSA', 'ES256', 'RS256', 'PS256']),
    'The signature algorithms that tokens may use.',
  ),
  LG_AUTH_HS256_SECRET: setting(
    z.string().min(32).optional(),
    'A shared secret for tokens; refused in production.',
    true,
  ),
  LG_KEYS: setting(
    z.enum(['env', 'file', 'command']).optional(),
    'Where key material comes from. Without it: a generated file in development, `env` in production.',
  ),
  LG_PEPPERS: setting(
    z.string().optional(),
    'For `env`: `id:base64,…` of 32 bytes each, the current one first.',
    true,
  ),
  LG_ENCRYPTION_KEYS: setting(
    z.string().optional(),
    'For `env`: `id:base64,…` of 32 bytes each, the current one first.',
    true,
  ),
  LG_KEYS_FILE: setting(z.string().optional(), 'For `file`: a JSON file with `peppers` and `encryption`.'),
  LG_KEYS_COMMAND: setting(
    z.string().optional(),
    'For `command`: prints the same JSON; reaches Vault or a cloud KMS.',
    true,
  ),
  LG_JOBS: setting(
    z.enum(['inside', 'none']).default('inside'),
    '`inside` runs jobs in this server as well; with `none` they run in processes of `licensegraph work` only.',
  ),
  LG_JOBS_AT_ONCE: setting(
    z.coerce.number().int().min(1).max(100).default(8),
    'How many jobs one process runs at once.',
  ),
  LG_LEASE_SECONDS: setting(
    z.coerce.number().int().min(30).max(86_400).default(900),
    'How long a floating lease lives without a heartbeat.',
  ),
  LG_LEDGER_DAYS: setting(
    z.coerce.number().int().min(8).max(36_500).default(400),
    'How long each grant and refund of units is kept line by line; after that its sum is, and it cannot be refunded.',
  ),
  LG_ENTITLEMENT_SECONDS: setting(
    z.coerce.number().int().min(30).max(86_400).default(300),
    'How long a signed entitlement set may be decided by.',
  ),
  LG_OFFLINE_CODE_DAYS: setting(
    z.coerce.number().int().min(1).max(90).default(14),
    'How old a request of a device without a connection may be, and for how long its seat is kept until it is registered.',
  ),
  LG_LICENSE_FILE_DAYS: setting(
    z.coerce.number().int().min(1).max(366).default(30),
    'How long a license file holds at the most.',
  ),
  LG_REVOCATION_LIST_DAYS: setting(
    z.coerce.number().int().min(1).max(90).default(7),
    'When a signed revocation list says that the next one is to be expected.',
  ),
  LG_SOCKET_PING_SECONDS: setting(
    z.coerce.number().int().min(1).max(3600).default(12),
    'How often a WebSocket is pinged; a peer that has not answered by the next ping is cut off.',
  ),
  LG_SOCKETS: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(5_000),
    'How many WebSockets one process holds open; 0 is no limit.',
  ),
  LG_SOCKETS_PER_ADDRESS: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(500),
    'How many of them may come from one address; 0 is no limit.',
  ),
  LG_TRUSTED_PROXIES: setting(
    list.pipe(z.array(z.string().refine(isAddressRange, 'takes addresses and CIDR ranges'))).default([]),
    'Addresses or CIDR ranges whose `X-Forwarded-*` and `X-Request-Id` are believed.',
  ),
  LG_GEOIP_FILE: setting(
    z.string().min(1).optional(),
    'A MaxMind file that says in which country an address is. Without it devices are believed where they say they are.',
  ),
  LG_CORS_ORIGINS: setting(
    list
      .pipe(z.array(z.string().refine(isOrigin, 'takes origins, as https://app.example.com')))
      .refine((origins) => origins.length === 1 || !origins.includes('*'), '`*` stands alone')
      .default([]),
    'Origins whose pages may call from a browser; `*` for every one.',
  ),
  LG_HSTS_SECONDS: setting(
    z.coerce.number().int().min(0).max(63_072_000).default(0),
    'For how long browsers are told to come by HTTPS only, on answers over HTTPS; 0 says nothing.',
  ),
  LG_RATE_ADDRESS_PER_MINUTE: setting(
    perMinute.default(1200),
    'How many root fields callers without a bearer token may ask a minute from one address; 0 is no limit.',
  ),
  LG_RATE_LICENSE_PER_MINUTE: setting(
    perMinute.default(6000),
    'How many root fields they may ask a minute with the key or tokens of one license; 0 is no limit.',
  ),
  LG_RATE_MISSES_PER_10_MINUTES: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(600),
    'How many keys, tokens and codes that lead nowhere callers of one tenant may show from one address; 0 is no limit.',
  ),
  LG_PERSONAL_DATA_DAYS: setting(
    z.coerce.number().int().min(1).max(36_500).default(180),
    'For how many days addresses and places of devices are kept, of tenants whose settings say nothing else.',
  ),
  LG_AUDIT_CHECKPOINT_DIR: setting(
    z.string().min(1).optional(),
    'A folder that signed checkpoints of the audit trail are handed out to, best on another machine: one file of JSON lines a tenant.',
  ),
  LG_INCIDENT_ACTIVATIONS: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(50),
    'More devices than so many, activated on one license within an hour, raise an incident; 0 raises none.',
  ),
  LG_INCIDENT_TRAVEL_KMH: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(1_000),
    'A device that tells of places faster than this apart, in km/h, raises an incident; 0 raises none.',
  ),
  LG_INCIDENT_MISSES: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(50),
    'So many keys, tokens and codes that lead nowhere, shown from one address in ten minutes, raise an incident; 0 raises none.',
  ),
  LG_WEBHOOK_PRIVATE: setting(
    z.enum(['refuse', 'allow']).default('refuse'),
    'Whether webhooks may go to private networks, and by plain http; `allow` is for development, and refused in production.',
  ),
  ...mailSettings,
  ...paymentSettings,
  ...chargeSettings,
  LG_DRAIN_SECONDS: setting(
    z.coerce.number().int().min(0).max(300).default(0),
    'For how long a stop lets new requests in while /readyz says no: as long as a load balancer needs to see it.',
  ),
  LG_STOP_SECONDS: setting(
    z.coerce.number().int().min(1).max(600).default(20),
    'After how long a stop cuts off what is under way once nobody new is let in.',
  ),
  TRUSTED_DOCUMENTS: setting(
    z.string().min(1).optional(),
    'A JSON file of documents by their SHA-256 hash, or an Apollo manifest. With it nothing else runs.',
  ),
  LG_PERSISTED_QUERIES: setting(
    flag.optional(),
    'Whether automatic persisted queries are kept. Without it: unless `TRUSTED_DOCUMENTS` is set.',
  ),
  LG_DEMO: setting(
    flag.optional(),
    'Whether demo tenants are seeded. Without it: in development with the embedded database.',
  ),
  LG_INTROSPECTION: setting(
    flag.optional(),
    'Whether the schema answers introspection. Without it: in development.',
  ),
  LG_SUGGESTIONS: setting(
    flag.optional(),
    'Whether errors suggest the name that may have been meant. Without it: when introspection is answered.',
  ),
  LG_GRAPHIQL: setting(
    flag.optional(),
    'Whether browsers get GraphiQL at `/graphql`. Without it: in development.',
  ),
} as const;

type Settings = typeof settings;
export type Config = { readonly [Name in keyof Settings]: z.output<Settings[Name]['type']> };

const byName = Object.entries(settings) as [keyof Settings, Setting<z.ZodType>][];

function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('LG_') && !(name in settings))
    .map((name) => `${name}: there is no such setting`);
}

const oneIssuer = [
  'LG_AUTH_ISSUER',
  'LG_AUTH_JWKS_URL',
  'LG_AUTH_JWKS',
  'LG_AUTH_HS256_SECRET',
] as const satisfies readonly (keyof Settings)[];

/** One issuer or a list of them, each with its keys from one place. */
function issuerConflicts(config: Config): string[] {
  const [name, ...keys] = oneIssuer.filter((setting) => config[setting] !== undefined);
  if (name === undefined) return [];
  if (config.LG_AUTH_ISSUERS !== undefined) return [`${name}: does not go with LG_AUTH_ISSUERS`];
  if (name !== 'LG_AUTH_ISSUER') return ['LG_AUTH_ISSUER: is required with token keys'];
  const [, second] = keys;
  return second === undefined ? [] : [`${second}: does not go with ${keys[0]}`];
}

function unsafeKeys(config: Config): string[] {
  const urls = [
    ['LG_AUTH_JWKS_URL', config.LG_AUTH_JWKS_URL] as const,
    ...(config.LG_AUTH_ISSUERS ?? []).map(
      ({ jwksUrl }, index) => [`LG_AUTH_ISSUERS: ${index}.jwksUrl`, jwksUrl] as const,
    ),
  ];
  return urls
    .filter(([, url]) => url?.startsWith('http:') === true)
    .map(([name]) => `${name}: must begin with https in production`);
}

function missingIssuers(config: Config): string[] {
  if (config.LG_AUTH_ISSUERS !== undefined) return [];
  if (oneIssuer.every((setting) => config[setting] === undefined))
    return ['LG_AUTH_ISSUER: it or LG_AUTH_ISSUERS is required in production'];
  return (config.LG_AUTH_JWKS_URL ?? config.LG_AUTH_JWKS) === undefined
    ? ['LG_AUTH_JWKS_URL: it or LG_AUTH_JWKS is required in production']
    : [];
}

function missingKeySource(config: Config): string[] {
  if (config.LG_KEYS === 'file' && config.LG_KEYS_FILE === undefined)
    return ['LG_KEYS_FILE: is required when keys come from a file'];
  return config.LG_KEYS === 'command' && config.LG_KEYS_COMMAND === undefined
    ? ['LG_KEYS_COMMAND: is required when keys come from a command']
    : [];
}

function conflicts(config: Config): string[] {
  const problems = [...issuerConflicts(config), ...missingKeySource(config)];
  if (config.TRUSTED_DOCUMENTS !== undefined && config.LG_PERSISTED_QUERIES === true) {
    problems.push('LG_PERSISTED_QUERIES: does not go with TRUSTED_DOCUMENTS');
  }
  if (config.LG_SMTP_URL !== undefined && config.LG_MAIL_FROM === undefined)
    problems.push('LG_MAIL_FROM: is required with LG_SMTP_URL');
  if (config.NODE_ENV !== 'test' && config.LG_PAYPAL_TEST_CERTIFICATES !== undefined)
    problems.push('LG_PAYPAL_TEST_CERTIFICATES: is for tests only');
  if (config.NODE_ENV !== 'production') return problems;
  if (config.DATABASE_URL === undefined) problems.push('DATABASE_URL: is required in production');
  if (config.LG_AUTH_HS256_SECRET !== undefined)
    problems.push('LG_AUTH_HS256_SECRET: is for development only');
  if (config.LG_WEBHOOK_PRIVATE === 'allow') problems.push('LG_WEBHOOK_PRIVATE: is for development only');
  if (config.LG_STRIPE_URL !== 'https://api.stripe.com') problems.push('LG_STRIPE_URL: is for tests only');
  if (config.LG_DEMO === true) problems.push('LG_DEMO: demo tenants are for development only');
  return [...problems, ...missingIssuers(config), ...unsafeKeys(config)];
}

function problemsOf(issues: readonly z.core.$ZodIssue[]): string {
  const named = ({ path, message }: z.core.$ZodIssue): string =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`;
  return issues.map(named).join(', ');
}

/** Reads the environment; every bad or unknown setting is named in one StartupError, values never. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const problems = unknownSettings(environment);
  const read = byName.map(([name, { type }]) => {
    const given = environment[name] === '' ? undefined : environment[name];
    const result = type.safeParse(given);
    if (!result.success) problems.push(`${name}: ${problemsOf(result.error.issues)}`);
    return [name, result.data];
  });
  const config = Object.fromEntries(read) as Config;
  if (problems.length === 0) problems.push(...conflicts(config));
  if (problems.length > 0) throw new StartupError(`Settings that do not fit:\n  ${problems.join('\n  ')}`);
  return config;
}

/** Whatever is no production: development, and tests of it. */
export function isDevelopment(config: Config): boolean {
  return config.NODE_ENV !== 'production';
}

/** Whether the schema may be asked about. */
export function introspects(config: Config): boolean {
  return config.LG_INTROSPECTION ?? isDevelopment(config);
}

/** Whether errors may tell names of the schema. */
export function suggests(config: Config): boolean {
  return config.LG_SUGGESTIONS ?? introspects(config);
}

/** Whether browsers get a page to ask the graph with. */
export function showsGraphiql(config: Config): boolean {
  return config.LG_GRAPHIQL ?? isDevelopment(config);
}

function shownValue(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Each setting with its resolved value, secrets masked. */
export function describeConfig(config: Config): { name: string; value: string; about: string }[] {
  return byName.map(([name, { secret, about }]) => {
    const value = config[name];
    const shown = shownValue(value);
    return { name, value: secret && shown !== '' ? '(secret)' : shown, about };
  });
}
