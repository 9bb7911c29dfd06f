import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { Processes, type ServerProcess } from '../support/processes.js';
import { type Claims, startTestServer, type TestServer } from '../support/server.js';

const EXAMPLE = fileURLToPath(new URL('../../docs/examples/sell.mjs', import.meta.url));

let server: TestServer;
let processes: Processes;
let child: ServerProcess;
let admin: Claims;
beforeAll(async () => {
  server = await startTestServer();
  server.now = systemClock();
  processes = await Processes.open(server);
  child = await processes.start();
  admin = await server.tenant();
});
afterAll(async () => {
  await processes.end();
  await server.stop();
});

/** Runs the example as two people: what it says, and how it ends. */
async function sells(seller: string, approver: string) {
  const environment = {
    PATH: process.env.PATH,
    LICENSEGRAPH_URL: `${child.address}/graphql`,
    SELLER_TOKEN: await server.token({ ...admin, sub: seller }),
    APPROVER_TOKEN: await server.token({ ...admin, sub: approver, roles: ['manager'] }),
  };
  const run = spawn(process.execPath, [EXAMPLE], { env: environment });
  const [said, complained]: [string[], string[]] = [[], []];
  run.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  run.stderr.on('data', (chunk: Buffer) => complained.push(chunk.toString()));
  const [code] = await once(run, 'close');
  return { code, said: said.join(''), complained: complained.join('') };
}

test('the example sells 25 seats over HTTP, from the price list to the mailed licenses, and sells them again', async () => {
  const first = await sells('ada', 'grace');
  const second = await sells('ada', 'grace');

  expect([first.complained, first.code]).toEqual(['', 0]);
  expect(first.said.split('\n').map((line) => line.split(' ')[0])).toEqual([
    ...['people', 'price', 'customer', 'order', 'approval', 'payment', 'licenses', 'invoice', 'mail', 'sold'],
    '',
  ]);
  expect(first.said).toContain('25 seats, 2650.73 EUR');
  expect([second.complained, second.code]).toEqual(['', 0]);
  expect(await server.count('licenses', `tenant_id = '${admin.tenant_id}'`)).toBe(50);
  expect(await server.count('payments', `tenant_id = '${admin.tenant_id}'`)).toBe(2);
});

test('the example ends with 1 where something differs', async () => {
  const alone = await sells('ada', 'ada');

  expect([alone.code, alone.complained]).toEqual([1, 'two people: is false, should be true\n']);
});
