import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Role } from '../../src/access/permissions.js';
import { mutation } from '../support/acts.js';
import { startTestServer, type TestServer } from '../support/server.js';
import { openWorld, type World } from '../support/world.js';

let server: TestServer;
let world: World;
beforeAll(async () => {
  server = await startTestServer();
  world = await openWorld(server);
});
afterAll(() => server.stop());

const unshown = [
  'license { metadata }',
  'license { activations { totalCount } }',
  'activation { license { activations { nodes { id } } } }',
  'activation { user }',
  'activation { machineName }',
  'activation { ipAddress }',
  'activation { events { totalCount } }',
];
const shown = 'license { id status currentActivations } activation { id status license { id } }';

test('an application reads in its payload what is its own, and is refused before it acts for more', async () => {
  const input = { licenseKey: world.licenseKey, deviceFingerprint: 'phone' };
  const before = await server.count('license_activations');

  for (const selection of unshown) {
    const refused = await server.graphql(mutation('activateLicense', selection), { input });
    expect([selection, refused.code]).toEqual([selection, 'UNAUTHENTICATED']);
  }
  const between = await server.count('license_activations');
  const done = await server.graphql(mutation('activateLicense', shown), { input });

  expect(between).toBe(before);
  expect(done.errors).toEqual([]);
  expect(done.data?.activateLicense?.license).toMatchObject({ currentActivations: 2 });
});

test('an application that shows a token or a key with its device sees itself, and no other device', async () => {
  const { licenseKey, activationId, activationToken, licenseId } = world;
  const asked = [
    `validateActivation(activationToken: "${activationToken}")`,
    `validateLicenseKey(licenseKey: "${licenseKey}", deviceFingerprint: "laptop")`,
  ];

  for (const question of asked) {
    for (const selection of unshown) {
      const { errors } = await server.graphql(`{ answer: ${question} { ${selection} } }`);
      expect([question, selection, errors.map(({ extensions }) => extensions.code)]).toEqual([
        question,
        selection,
        ['FORBIDDEN'],
      ]);
    }
    const data = await server.ok(`{ answer: ${question} { ${shown} } }`);
    expect(data.answer?.activation).toMatchObject({ id: activationId, license: { id: licenseId } });
    for (const root of ['activations { nodes { id } }', `activation(id: "${activationId}") { id }`]) {
      const { errors } = await server.graphql(`{ answer: ${question} { code } ${root} }`);
      expect([root, errors.length]).toEqual([root, 1]);
    }
  }
});

test.each<readonly [Role, boolean, boolean]>([
  ['admin', true, true],
  ['manager', true, true],
  ['auditor', true, true],
  ['support', true, true],
  ['customer', true, true],
  ['reseller', false, true],
  ['application', false, false],
])('%s sees users and machines: %s, what the vendor notes: %s', async (role, names, notes) => {
  const { admin, customerId, resellerId, licenseId, licenseKey } = world;
  const bound = {
    ...(role === 'customer' ? { customer_id: customerId } : {}),
    ...(role === 'reseller' ? { reseller_id: resellerId } : {}),
  };
  const asked = { tenant_id: admin.tenant_id, roles: [role], ...bound };
  const shown = `validateLicenseKey(licenseKey: "${licenseKey}", deviceFingerprint: "laptop")`;

  const people = await server.graphql(`{ ${shown} { activation { user machineName } } }`, {}, asked);
  const vendor = await server.graphql(`{ license(id: "${licenseId}") { metadata } }`, {}, asked);

  expect(people.errors).toHaveLength(names ? 0 : 2);
  expect(vendor.errors).toHaveLength(notes ? 0 : 1);
});
