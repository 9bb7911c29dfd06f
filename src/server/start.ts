import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { permissionsOf } from '../access/permissions.js';
import { InvoicePrinter } from '../billing/documents/printer.js';
import { type Clock, systemClock } from '../core/clock.js';
import { type Config, introspects, isDevelopment } from '../core/config.js';
import { keyRing } from '../core/crypto.js';
import { type DatabaseRole, openPool, type Pool } from '../core/db.js';
import type { TenantId } from '../core/id.js';
import { type Keys, loadKeys } from '../core/keys.js';
import { Lane } from '../core/lane.js';
import { createLog, type Log } from '../core/log.js';
import { StartupError } from '../core/startupError.js';
import { ApiKeyHolders } from './callers/apiKeyHolders.js';
import { ApiKeyUses } from './callers/apiKeyUses.js';
import { openCountries } from './callers/countries.js';
import { openTokens, type Tokens } from './callers/openTokens.js';
import { SecurityEvents } from './callers/securityEvents.js';
import { tellOfGuesses } from './callers/tellOfGuesses.js';
import { startEmbeddedPostgres } from './database/embeddedPostgres.js';
import { migrate } from './database/migrate.js';
import { requireOwnKeys } from './database/ownKeys.js';
import { seedDemo } from './database/seed.js';
import { Drain } from './drain.js';
import { startCheckpointKeeper } from './events/checkpointKeeper.js';
import { EventFeed } from './events/eventFeed.js';
import { followers } from './events/followers.js';
import { announcer, startSealer } from './events/sealer.js';
import { type AppOptions, createApp } from './http/app.js';
import { demoAccess } from './http/demoUsers.js';
import { InboundDoor } from './inbound/inboundDoor.js';
import { JOB_CONNECTIONS, startJobs } from './jobs.js';
import { CostGate, ShortestFirst } from './limits/fairness.js';
import { Guesses } from './limits/guesses.js';
import { RateLimits, type RateRules } from './limits/rateLimits.js';
import { Directory } from './operation/directory.js';
import { Licensees } from './operation/licensees.js';
import { Meter } from './operation/meter.js';
import { openWork } from './operation/openWork.js';
import type { Machinery } from './operation/operation.js';
import { AlikeLooks } from './operation/sharedLook.js';
import { Turns } from './operation/turns.js';
import { createSchema } from './schema.js';
import { SigningKeys } from './signingKeys.js';
import { stopServing } from './stopServing.js';

/** A database to work on: yours, or the embedded one. */
export interface Database {
  readonly url: string;
  readonly embedded: boolean;
  stop(): Promise<void>;
}

const urlFile = (config: Config): string => join(config.LG_DATA_DIR, 'database-url');

/** Opens the database for a server, which holds the embedded one alone and leaves its address for the command line. */
export async function openDatabase(config: Config): Promise<Database> {
  if (config.DATABASE_URL !== undefined) {
    return { url: config.DATABASE_URL, embedded: false, stop: async () => undefined };
  }
  const server = await startEmbeddedPostgres({
    folder: config.LG_DATA_DIR,
    durable: true,
    maxConnections: 60,
  });
  await writeFile(urlFile(config), server.url, { mode: 0o600 });
  const stop = async (): Promise<void> => {
    await rm(urlFile(config), { force: true });
    await server.stop();
  };
  return { url: server.url, embedded: true, stop };
}

/** For a command: the embedded database of a running server is used as it is, otherwise started for the while. */
export async function borrowDatabase(config: Config): Promise<Database> {
  try {
    return await openDatabase(config);
  } catch (error) {
    const url = await readFile(urlFile(config), 'utf8').catch(() => undefined);
    if (!(error instanceof StartupError) || url === undefined) throw error;
    return { url, embedded: true, stop: async () => undefined };
  }
}

export interface MachineryParts {
  readonly config: Config;
  readonly keys: Keys;
  readonly url: string;
  readonly log: Log;
  readonly clock?: Clock;
  /** Connections, where it is not for requests. */
  readonly maxConnections?: number;
  readonly onStatement?: (text: string) => void;
}

const FIELD_CONNECTIONS = 2;

function rateRules(config: Config): RateRules {
  return {
    address: config.LG_RATE_ADDRESS_PER_MINUTE,
    license: config.LG_RATE_LICENSE_PER_MINUTE,
    forged: config.LG_RATE_FORGED_PER_MINUTE,
  };
}

export function openMachinery(parts: MachineryParts, role: DatabaseRole): Machinery {
  const { config, keys, url, log } = parts;
  const pool: Pool = openPool({
    url,
    role,
    maxConnections: parts.maxConnections ?? config.LG_DATABASE_POOL,
    statementSeconds: config.LG_STATEMENT_SECONDS,
    ...(parts.onStatement === undefined ? {} : { onStatement: parts.onStatement }),
  });
  const ring = keyRing(keys);
  const clock = parts.clock ?? systemClock;
  const opening = {
    pool,
    keys: ring,
    clock,
    settings: {
      leaseSeconds: config.LG_LEASE_SECONDS,
      entitlementSeconds: config.LG_ENTITLEMENT_SECONDS,
      offlineCodeDays: config.LG_OFFLINE_CODE_DAYS,
      licenseFileDays: config.LG_LICENSE_FILE_DAYS,
      incidents: {
        activations: config.LG_INCIDENT_ACTIVATIONS,
        travelKmPerHour: config.LG_INCIDENT_TRAVEL_KMH,
      },
      privateWebhooks: config.LG_WEBHOOK_PRIVATE === 'allow',
    },
    followers,
    announce: announcer(pool),
    keyHolders: new ApiKeyHolders(pool, log),
    ...(role === 'lg_app' && config.LG_GEOIP_FILE !== undefined
      ? { countries: openCountries(config.LG_GEOIP_FILE, log) }
      : {}),
  };
  const field = role === 'lg_worker' ? pool : openFieldPool(parts);
  const meter = new Meter((tenantId) => openWork({ ...opening, pool: field }, meterCaller(tenantId)));
  const end = async (): Promise<void> => {
    await meter.settled();
    opening.countries?.close();
    await Promise.all([pool.end(), field.end()]);
  };
  const machinery: Machinery = {
    ...opening,
    log,
    turns: new Turns(),
    introspection: introspects(config),
    operationSeconds: config.LG_OPERATION_SECONDS,
    limits: new RateLimits({ pool, keys: ring, clock }, rateRules(config)),
    guesses: new Guesses(
      () => machinery,
      { told: config.LG_INCIDENT_MISSES, refused: config.LG_RATE_MISSES_PER_10_MINUTES },
      (guesser) => tellOfGuesses(machinery, guesser),
    ),
    drain: new Drain(),
    line: new ShortestFirst(),
    gate: new CostGate(),
    // A quarter of the connections: the rest is for those who ask.
    streams: new Lane(Math.max(1, Math.floor(config.LG_DATABASE_POOL / 4))),
    alike: new AlikeLooks(),
    security: new SecurityEvents(() => machinery),
    keyUses: new ApiKeyUses(pool, log),
    meter,
    directory: new Directory(pool, ring),
    signing: new SigningKeys(opening),
    inbound: new InboundDoor({ machinery: () => machinery, pool: field, config }),
    pool: { ...pool, end },
  };
  return machinery;
}

/** The coalesced writes from the field run as the worker, on few connections: each carries many callers. */
function openFieldPool({ config, url, onStatement }: MachineryParts): Pool {
  return openPool({
    url,
    role: 'lg_worker',
    maxConnections: FIELD_CONNECTIONS,
    statementSeconds: config.LG_STATEMENT_SECONDS,
    ...(onStatement === undefined ? {} : { onStatement }),
  });
}

function meterCaller(tenantId: TenantId) {
  const actor = { kind: 'system', subject: 'meter', tenantId, permissions: permissionsOf([], []) } as const;
  return { actor, requestId: 'meter', address: undefined };
}

/** A running server. */
export interface Running {
  readonly app: FastifyInstance;
  readonly address: string;
  readonly tokens: Tokens;
  /** For what is done over all tenants: seeding, the command line. */
  readonly worker: Machinery;
  readonly database: Database;
  /** Finishes what is in flight, or what of it ends before the signal, then lets go of everything. */
  stop(hurry?: AbortSignal): Promise<void>;
}

async function listen(app: FastifyInstance, config: Config): Promise<string> {
  try {
    return await app.listen({ host: config.HOST, port: config.PORT });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      throw new StartupError(
        `Port ${config.PORT} is taken. Stop what listens there, or set PORT to another (0 takes a free one).`,
      );
    }
    if (code === 'EACCES')
      throw new StartupError(`Port ${config.PORT} may not be used by this user. Set PORT to another.`);
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new StartupError(`HOST: ${config.HOST} is no address of this machine.`);
    throw error;
  }
}

export function wantsDemo(config: Config): boolean {
  return config.LG_DEMO ?? (isDevelopment(config) && config.DATABASE_URL === undefined);
}

/** Tokens for the page in a browser, which fetches them anew each time it is opened. */
const PAGE_TOKEN_SECONDS = 12 * 3600;

/** Only a development server that signs its own tokens and has demo tenants hands any out. */
function demoUsersOf(config: Config, worker: Machinery, { signer }: Tokens): AppOptions['demoUsers'] {
  if (!isDevelopment(config) || !wantsDemo(config) || signer === undefined) return undefined;
  return () => demoAccess(worker, signer, PAGE_TOKEN_SECONDS);
}

/** Runs one undo after the other, the last first, whatever fails among them. */
async function unwind(undo: (() => Promise<unknown>)[]): Promise<void> {
  for (const step of undo.reverse()) await step().catch(() => undefined);
}

/** Adds to a server's machinery what turns committed events into streams: a sealer, and the feed that it wakes. */
export async function followEvents(
  opened: Machinery,
  url: string,
): Promise<{ machinery: Machinery; stop: () => Promise<void> }> {
  const sealer = startSealer({ url, clock: opened.clock, log: opened.log });
  const machinery = { ...opened, licensees: new Licensees() };
  const feed = new EventFeed(machinery, url);
  await feed.start();
  await opened.keyHolders.start(url);
  const stop = async (): Promise<void> => {
    await opened.keyHolders.stop();
    await feed.stop();
    await sealer.stop();
  };
  return { machinery: { ...machinery, feed }, stop };
}

export async function startServer(
  config: Config,
  log: Log = createLog(config.LG_LOG_LEVEL),
): Promise<Running> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const database = await openDatabase(config);
    undo.push(database.stop);
    const keys = await loadKeys(config);
    await migrate(database.url);
    const parts = { config, keys, url: database.url, log };
    const opened = openMachinery(parts, 'lg_app');
    undo.push(opened.pool.end);
    const { machinery, stop: stopEvents } = await followEvents(opened, database.url);
    undo.push(stopEvents);
    const worker = openMachinery({ ...parts, maxConnections: JOB_CONNECTIONS }, 'lg_worker');
    undo.push(worker.pool.end);
    await requireOwnKeys(worker);
    const folder = config.LG_AUDIT_CHECKPOINT_DIR;
    if (folder !== undefined) undo.push(startCheckpointKeeper({ pool: worker.pool, log, folder }).stop);
    if (wantsDemo(config)) await seedDemo(worker);
    if (config.LG_JOBS === 'inside') undo.push((await startJobs(worker, config, database.url)).stop);
    const tokens = await openTokens(config, keys, systemClock, log);
    const app = await createApp({
      config,
      machinery,
      schema: createSchema(),
      verifyToken: tokens.verify,
      publicKeys: tokens.publicKeys,
      printer: new InvoicePrinter(new URL('../billing/documents/thread.js', import.meta.url)),
      demoUsers: demoUsersOf(config, worker, tokens),
    });
    undo.push(() => app.close());
    const address = await listen(app, config);
    const stop = async (hurry = new AbortController().signal): Promise<void> => {
      await stopServing({ app, drain: machinery.drain, config, log }, hurry);
      await unwind(undo);
    };
    return { app, address, tokens, worker, database, stop };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}
