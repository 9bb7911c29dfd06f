#!/usr/bin/env node
/**
 * A program that is licensed: it activates this machine, asks whether it may run, uses a feature, tells what it used,
 * and works offline with a license file. README.md beside it has the commands.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LicenseClient } from 'licensegraph/client';
import { fileStore, machineFingerprint } from 'licensegraph/client/node';

const {
  LICENSE_KEY = '',
  LICENSEGRAPH_URL = 'http://localhost:4000/graphql',
  APPLICATION_DATA = 'application-data',
} = process.env;
const FEATURE = 'internet_access';

const say = (line) => console.log(line);
const file = join(APPLICATION_DATA, 'license.lic');

const newClient = () =>
  new LicenseClient({
    url: LICENSEGRAPH_URL,
    licenseKey: LICENSE_KEY,
    device: { fingerprint: machineFingerprint('example-application') },
    store: fileStore(APPLICATION_DATA),
    // A vendor ships its public keys with the application; this one believes those of the server that it asks.
    trust: 'PUBLISHED',
    // For a week after it was signed the last verdict holds while the server is away. Not a moment longer.
    outage: { holdSeconds: 7 * 86_400 },
    onStoreFailed: (error) => say(`store: ${error.message}: nothing outlives this run`),
  });

/** Ends the program with what stands in the way, and what to do about it. */
function stop(what, { code, reason, message, remedy }) {
  say(`${what}: ${code ?? reason}: ${message}${remedy ? ` ${remedy}` : ''}`);
  process.exitCode = 1;
}

async function activate(client) {
  const activated = await client.activate();
  if (!activated.ok) return stop('activation', activated.problem);
  say('activation: this machine has its seat');
}

/** What an application does at its start, and while it runs. */
async function run(client) {
  const verdict = await client.validate();
  if (!verdict.valid) return stop('license', verdict.reasons[0]);
  say(
    `license: ${verdict.code}, ${verdict.by === 'SERVER' ? 'says the server' : 'held while the server is away'}`,
  );
  const heartbeats = client.heartbeats({ intervalSeconds: 300 });
  heartbeats.start();
  await use(client, heartbeats);
  const told = await heartbeats.stop();
  if (told.ok) return say('usage: nothing left to tell');
  const { kind } = told.problem;
  say(kind === 'OUTAGE' ? 'usage: kept, to be told later (OUTAGE)' : `usage: not taken (${kind})`);
}

async function use(client, heartbeats) {
  const drawn = await client.consume([{ featureId: FEATURE, amount: 1 }]);
  if (!drawn.ok) return say(`${FEATURE}: nobody to ask (${drawn.problem.kind})`);
  const [{ granted, code, used, limit }] = drawn.value.verdicts;
  if (!granted) return say(`${FEATURE}: ${code}`);
  await heartbeats.record({ apiCallsCount: 1, featureUsage: { [FEATURE]: 1 } });
  say(`${FEATURE}: used ${used} of ${limit}`);
}

/** Takes the license along, for where there is no network. */
async function checkout(client) {
  const keys = await client.publicKeys();
  if (!keys.ok) return stop('checkout', keys.problem);
  const taken = await client.checkout({ validDays: 7, encrypted: true });
  if (!taken.ok) return stop('checkout', taken.problem);
  await mkdir(APPLICATION_DATA, { recursive: true });
  await writeFile(file, taken.value.licenseFile);
  say(`checkout: ${file}`);
}

/** Asks nobody: the file, the keys that are known and the clock decide. */
async function offline(client) {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined)
    return stop('offline', { reason: 'NO_FILE', message: `There is no ${file}: run checkout first.` });
  const verdict = await client.verifyFile(text, { features: [FEATURE] });
  if (!verdict.valid) return stop('offline', verdict.reasons[0]);
  say(`offline: ${verdict.code}, licensed to ${verdict.license.issuedTo}`);
}

async function deactivate(client) {
  const given = await client.deactivate({ reason: 'The example is over' });
  if (!given.ok) return stop('deactivation', given.problem);
  say('deactivation: the seat is free');
}

const commands = { activate, run, checkout, offline, deactivate };
const [name = ''] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined || LICENSE_KEY === '') {
  console.error(`usage: LICENSE_KEY=… node application.mjs ${Object.keys(commands).join(' | ')}`);
  process.exitCode = 2;
} else {
  try {
    await command(newClient());
  } catch (error) {
    // An address that is none, or a folder that cannot be written.
    stop(name, { reason: error.code ?? error.name, message: error.message });
  }
}
