import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instant } from '../../src/core/clock.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let processes: Processes;
let serving: ServerProcess;
let token: string;
beforeAll(async () => {
  server = await startTestServer();
  processes = await Processes.open(server);
  serving = await processes.start();
  const claims = { sub: 'tester', ...(await server.tenant()) };
  token = (await server.tokens.signer?.sign(claims, instant(Date.now()), 3600)) ?? '';
});
afterAll(async () => {
  await processes?.end();
  await server?.stop();
});

/** The name of the key that signs entitlement sets now, on a server that runs all the while. */
async function signer(): Promise<string> {
  const { data } = await serving.graphql('{ entitlementSet { token } }', {}, token);
  return decodeProtectedHeader(String(data?.entitlementSet?.token)).kid ?? '';
}

async function published(): Promise<string[]> {
  const response = await fetch(`${serving.address}/.well-known/jwks.json`);
  const { keys } = (await response.json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
}

test('keys are listed without their private halves, rotated and retired while a server runs', async () => {
  const first = await signer();
  const rotated = await processes.command('keys', 'rotate', 'entitlementSet');
  const second = rotated.said.split(' ')[0] ?? '';
  const { said } = await processes.command('keys');

  expect(rotated.said).toMatch(/^\S{43} signs entitlementSet from 20\S+Z on, /);
  expect(said).toMatch(/^KIND +STATE +KEY +SIGNS FROM +SIGNS UNTIL +VERIFIES UNTIL\n/);
  expect(said).toMatch(
    new RegExp(`^entitlementSet +NEXT +${second} .*\nentitlementSet +SIGNS +${first} `, 'm'),
  );
  await expect.poll(published).toEqual(expect.arrayContaining([first, second]));
  expect(await signer()).toBe(first);

  const retired = await processes.command('keys', 'retire', first);

  expect([retired.code, retired.said]).toEqual([
    0,
    `${first} is retired: it is published no more, and nothing that it has signed verifies.\n`,
  ]);
  await expect.poll(published).not.toContain(first);
  await expect.poll(signer).not.toBe(first);
  const third = await signer();
  const listed: object[] = JSON.parse((await processes.command('keys', '--json')).said);
  expect(listed.filter((key) => 'kind' in key && key.kind === 'entitlementSet')).toEqual([
    expect.objectContaining({ kid: second, state: 'NEXT' }),
    expect.objectContaining({ kid: third, state: 'SIGNS' }),
    expect.objectContaining({ kid: first, state: 'OVER' }),
  ]);
  expect(Object.keys(listed[0] ?? {}).sort()).toEqual([
    'kid',
    'kind',
    'signsFrom',
    'signsUntil',
    'state',
    'verifiesUntil',
  ]);
});

test.each([
  [['keys', 'rotate', 'passwords'], 'There is no kind passwords: validation, licenseFile, '],
  [['keys', 'retire', 'nothing'], 'There is no key nothing.\n'],
  [['kyes'], "there is no command 'kyes': licensegraph --help lists them\n"],
])('%s is refused, and changes nothing', async (words, complained) => {
  const before = await server.sql`select * from signing_keys order by kid`;

  const answer = await processes.command(...words);

  expect([answer.code, answer.said]).toEqual([1, '']);
  expect(answer.complained).toContain(complained);
  expect(await server.sql`select * from signing_keys order by kid`).toEqual(before);
});
