import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { isRole } from './access/permissions.js';
import { createTenant } from './access/service.js';
import { systemClock } from './core/clock.js';
import { type Config, describeConfig, readConfig } from './core/config.js';
import { committed } from './core/db.js';
import { isTenantId } from './core/id.js';
import { loadKeys } from './core/keys.js';
import { createLog, type Log } from './core/log.js';
import { Refusal } from './core/refusal.js';
import { StartupError } from './core/startupError.js';
import { openTokens } from './server/callers/openTokens.js';
import { migrate } from './server/database/migrate.js';
import { requireOwnKeys } from './server/database/ownKeys.js';
import { sealAll } from './server/database/sealAll.js';
import { seedDemo, systemCaller } from './server/database/seed.js';
import { startSealer } from './server/events/sealer.js';
import { JOB_CONNECTIONS, jobs, startJobs } from './server/jobs.js';
import { askForJob, listJobs } from './server/jobsCommand.js';
import { listKeys, retireKey, rotateKeys } from './server/keysCommand.js';
import { type LintCommandOptions, LintError, lintReport } from './server/lintFeatures.js';
import { openWork } from './server/operation/openWork.js';
import { errorsPage, settingsPage } from './server/printedPages.js';
import { createSchema, printedSchema } from './server/schema.js';
import { SigningKeys } from './server/signingKeys.js';
import { borrowDatabase, openMachinery, startServer } from './server/start.js';
import { type VerifyTrailOptions, verifyTrailReport } from './server/verifyTrailCommand.js';
import { welcome } from './server/welcome.js';

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function serve(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.LG_LOG_LEVEL);
  const running = await startServer(config, log);
  stopOnSignal(log, running.stop);
  say(await welcome(running));
}

/** Ends a process at the first signal, and hurries at a second one. */
function stopOnSignal(log: Log, stop: (hurry: AbortSignal) => Promise<void>): void {
  const hurry = new AbortController();
  let stoppingSince: number | undefined;
  const stopOnce = async (signal: string): Promise<void> => {
    if (stoppingSince !== undefined) {
      // A terminal sends Ctrl-C to us and to npm, which sends it to us again: that is no second word.
      if (performance.now() - stoppingSince > 500) hurry.abort();
      return;
    }
    stoppingSince = performance.now();
    log.info({ signal }, 'stopping');
    await stop(hurry.signal);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stopOnce(signal));
}

/** Runs jobs, numbers what they tell, and nothing else. */
async function work(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.LG_LOG_LEVEL);
  const database = await borrowDatabase(config);
  await migrate(database.url);
  const parts = { config, keys: await loadKeys(config), url: database.url, log };
  const machinery = openMachinery({ ...parts, maxConnections: JOB_CONNECTIONS }, 'lg_worker');
  await requireOwnKeys(machinery);
  // What jobs tell is numbered, and has its mail, where no server runs beside them.
  const sealer = startSealer({ url: database.url, clock: machinery.clock, log });
  const runner = await startJobs(machinery, config, database.url);
  stopOnSignal(log, async () => {
    await runner.stop();
    await sealer.stop();
    await machinery.pool.end();
    await database.stop();
  });
  say(
    `LicenseGraph works: ${jobs.scheduled.length} jobs by the clock, ${jobs.queued.length} by what happens.`,
  );
}

type WorkerTask = (machinery: ReturnType<typeof openMachinery>, config: Config) => Promise<void>;

/** Runs a command on the database over all tenants, migrated first. */
async function onDatabase(task: WorkerTask): Promise<void> {
  const config = readConfig(process.env);
  const database = await borrowDatabase(config);
  try {
    await migrate(database.url);
    const parts = { config, keys: await loadKeys(config), url: database.url, log: createLog('warn') };
    const machinery = openMachinery(parts, 'lg_worker');
    const run = requireOwnKeys(machinery).then(() => task(machinery, config));
    await run.finally(machinery.pool.end);
  } finally {
    await database.stop();
  }
}

/** Runs a command on the keys that this deployment signs with. */
async function onKeys(task: (keys: SigningKeys) => Promise<string>): Promise<void> {
  await onDatabase(async (machinery) => say(await task(new SigningKeys(machinery))));
}

async function addTenant(code: string, name: string): Promise<void> {
  if (!isTenantId(code)) throw new StartupError('A tenant code is 1 to 50 of a-z, 0-9, dash and underscore.');
  await onDatabase(async (machinery) => {
    const { work, session } = await openWork(machinery, systemCaller(code));
    await committed(session, async () => {
      await createTenant(work.db, code, name, work.now);
      await work.emit({ type: 'tenant.created', subjectId: code });
    });
  });
  say(`Tenant ${code} is there.`);
}

async function printSeals(machinery: ReturnType<typeof openMachinery>): Promise<void> {
  const { sealed, renewed, altered } = await sealAll(machinery);
  say(
    `${sealed} licenses sealed, ${renewed} seals renewed, ${altered.length} licenses not as they were sealed.`,
  );
  for (const id of altered) say(id);
  process.exitCode = altered.length === 0 ? 0 : 1;
}

interface TokenOptions {
  readonly role: string;
  readonly subject: string;
  readonly customer?: string;
  readonly reseller?: string;
  readonly hours: string;
}

/** Signs a token with the development key; a server with an issuer of its own takes none from here. */
async function printToken(tenantId: string, options: TokenOptions): Promise<void> {
  if (!isRole(options.role)) throw new StartupError(`There is no role ${options.role}.`);
  const party = options.role === 'customer' ? options.customer : options.reseller;
  if ((options.role === 'customer' || options.role === 'reseller') && party === undefined) {
    throw new StartupError(`The role ${options.role} needs --${options.role} <id>.`);
  }
  const hours = Number(options.hours);
  if (!(hours > 0 && hours <= 24 * 90)) throw new StartupError('--hours takes a number up to 2160.');
  const config = readConfig(process.env);
  const { signer } = await openTokens(config, await loadKeys(config), systemClock);
  if (signer === undefined)
    throw new StartupError('Tokens come from LG_AUTH_ISSUER; this server signs none.');
  const claims = {
    sub: options.subject,
    tenant_id: tenantId,
    roles: [options.role],
    ...(options.customer === undefined ? {} : { customer_id: options.customer }),
    ...(options.reseller === undefined ? {} : { reseller_id: options.reseller }),
  };
  say(await signer.sign(claims, systemClock(), hours * 3600));
}

async function writePrinted(): Promise<void> {
  const root = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
  await writeFile(root('schema.graphql'), printedSchema(createSchema()));
  await writeFile(root('docs/errors.md'), errorsPage());
  await writeFile(root('docs/settings.md'), settingsPage());
}

const program = new Command('licensegraph').description(
  'Sells, issues, activates and enforces software licenses.',
);
program
  .command('serve', { isDefault: true })
  .description('start the server')
  // What is no command comes here, as an argument of the default one.
  .allowExcessArguments()
  .action(async (_options: unknown, { args: [unknown] }: Command) => {
    if (unknown !== undefined)
      throw new StartupError(`there is no command '${unknown}': licensegraph --help lists them`);
    await serve();
  });
program.command('work').description('run jobs, and nothing else').action(work);
program
  .command('jobs')
  .description('list what is done by the clock, how it stands and what it came to')
  .option('--json', 'as JSON')
  .action((options: { json?: boolean }) =>
    onDatabase(async (machinery) => say(await listJobs(machinery, jobs.scheduled, options))),
  );
program
  .command('run-job <name>')
  .description('have a job run once more, as soon as somebody who runs jobs looks')
  .action((name: string) => onDatabase(async (machinery) => say(await askForJob(machinery, name))));
program
  .command('migrate')
  .description('bring the database up to date')
  .action(() => onDatabase(async () => say('The database is up to date.')));
program
  .command('seed')
  .description('add the demo tenants')
  .action(() => onDatabase(seedDemo));
program
  .command('seal')
  .description('seal licenses that have no seal, renew seals of an earlier pepper, and list what was altered')
  .action(() => onDatabase(printSeals));
program
  .command('config')
  .description('show every setting as it is resolved, secrets masked')
  .action(() => {
    for (const { name, value } of describeConfig(readConfig(process.env))) say(`${name.padEnd(24)} ${value}`);
  });
program
  .command('tenant')
  .description('tenants')
  .command('create <code> <name>')
  .description('add a tenant')
  .action(addTenant);
program
  .command('token <tenant>')
  .description('sign a token for development')
  .option('--role <role>', 'admin, manager, auditor, support, reseller, customer, operator', 'admin')
  .option('--subject <subject>', 'who it is for', 'developer')
  .option('--customer <id>', 'bind it to a customer')
  .option('--reseller <id>', 'bind it to a reseller')
  .option('--hours <hours>', 'how long it lives', '24')
  .action(printToken);
const keys = program
  .command('keys')
  .description('list the keys that tokens are signed with')
  .option('--json', 'as JSON')
  .action((options: { json?: boolean }) => onKeys((known) => listKeys(known, systemClock, options)));
keys
  .command('rotate <kind>')
  .description('have another key sign a kind of token, as soon as whoever verifies knows it')
  .action((kind: string) => onKeys((known) => rotateKeys(known, kind)));
keys
  .command('retire <kid>')
  .description('have nothing verify any more that a key has signed')
  .action((kid: string) => onKeys((known) => retireKey(known, kid)));
program
  .command('lint-features <schema>')
  .description(
    'list what a GraphQL schema changes or shows without a feature, and features that nothing needs',
  )
  .option('--features <ids>', 'every feature that there is, by commas')
  .option('--sensitive <directive>', 'the directive that marks what is sensitive', 'sensitive')
  .option('--sensitive-places <places>', 'further sensitive places, Type or Type.field, by commas')
  .option('--json', 'as JSON')
  .action(async (path: string, options: LintCommandOptions) => {
    const { text, code } = await lintReport(path, options);
    if (text !== '') say(text);
    process.exitCode = code;
  });
program
  .command('verify-trail <export>')
  .description('verify an exported audit trail, without a database')
  .requiredOption('--keys <jwks>', 'the public keys, as this server published them')
  .option('--checkpoints <file>', 'checkpoints that were kept, as JSON lines')
  .option('--partial', 'take an export for sound that is a part of the trail only')
  .option('--uncovered', 'take events for sound that no signed checkpoint covers')
  .option('--json', 'as JSON')
  .action(async (path: string, options: VerifyTrailOptions) => {
    const { text, code } = await verifyTrailReport(path, options);
    say(text);
    process.exitCode = code;
  });
program
  .command('print')
  .description('write schema.graphql and docs/errors.md from the code')
  .action(writePrinted);

// Whoever reads our output may stop before its end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof StartupError) && !(error instanceof Refusal)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error instanceof LintError ? 2 : 1);
}
