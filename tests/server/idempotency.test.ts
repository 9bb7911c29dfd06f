import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tablesOf } from '../support/acts.js';
import { createCustomer, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { keyed, refusedUnderKey, sendTwice, storedAnswers } from '../support/replays.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  shop = await openShop(server);
});
afterAll(() => server.stop());

const ISSUE = `mutation Issue($input: IssueLicenseInput!) { issueLicense(input: $input) {
  licenseKey licenseId license { status customer { name } } } }`;
const SUSPEND =
  'mutation ($input: SuspendLicenseInput!) { suspendLicense(input: $input) { license { status } } }';

const tenantOf = ({ admin }: Shop): string => admin.tenant_id;
const issueInput = ({ customerId, templateId }: Shop) => ({ input: { customerId, templateId } });
const issue = (key: string, as: Claims = shop.admin, of: Shop = shop): Promise<Answer> =>
  server.graphql(ISSUE, issueInput(of), as, keyed(key));
const idOf = ({ data }: Answer): string => String(data?.issueLicense?.licenseId);
const licenses = (of: Shop = shop): Promise<number> =>
  server.count('licenses', `tenant_id = '${tenantOf(of)}'`);
const events = (type: string): Promise<number> =>
  server.count('license_event_logs', `tenant_id = '${tenantOf(shop)}' and event_type = '${type}'`);
const noStored = async (): Promise<void> => expect(await storedAnswers(server, tenantOf(shop))).toEqual([]);

const refusedWith = (code: string, send: () => Promise<Answer>): Promise<Answer> =>
  refusedUnderKey(server, tenantOf(shop), code, send);

describe('a mutation under a key', () => {
  test('is done once, however often it is sent, and answers the same', async () => {
    const first = await issue('order-1');
    const before = await tablesOf(server, tenantOf(shop));
    const again = [await issue('order-1'), await issue('order-1')];

    expect(first.errors).toEqual([]);
    expect(again).toEqual([first, first]);
    expect(await tablesOf(server, tenantOf(shop))).toEqual(before);
    expect([await licenses(), await events('license.created')]).toEqual([1, 1]);
    expect(await storedAnswers(server, tenantOf(shop))).toEqual([
      { actor: 'user:tester', key: 'order-1', responseName: 'issueLicense' },
    ]);
  });

  test('without the header is done each time, and nothing is stored', async () => {
    const first = await server.graphql(ISSUE, issueInput(shop), shop.admin);
    const second = await server.graphql(ISSUE, issueInput(shop), shop.admin);

    expect(idOf(second)).not.toBe(idOf(first));
    expect(await licenses()).toBe(2);
    await noStored();
  });

  test('answers what it returned, and reads anew what its selection leads to', async () => {
    const first = await issue('order-1');
    await server.ok(
      'mutation ($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { name } } }',
      { input: { customerId: shop.customerId, name: 'Grace Hopper' } },
      shop.admin,
    );
    const again = await issue('order-1');

    expect(first.data?.issueLicense?.license?.customer).toEqual({ name: 'Ada Okafor' });
    expect(again.data?.issueLicense).toEqual({
      ...first.data?.issueLicense,
      license: { status: 'ACTIVE', customer: { name: 'Grace Hopper' } },
    });
  });

  test('is the same in other white space, with comments, and with its variables in another order', async () => {
    const [query, close] = [ISSUE.replace(/\s+/g, ' '), ISSUE.replace('{', '# once more\n,{')];
    const first = await issue('order-1');

    const again = [
      await server.graphql(query, issueInput(shop), shop.admin, keyed('order-1')),
      await server.graphql(
        close,
        { input: { templateId: shop.templateId, customerId: shop.customerId } },
        shop.admin,
        keyed('order-1'),
      ),
    ];

    expect(again).toEqual([first, first]);
    expect(await licenses()).toBe(1);
  });

  test('that was refused is not stored, and may be done later under the same key', async () => {
    const { id } = await issueLicense(server, shop);
    const renew = `mutation { renewLicense(input: { licenseId: "${id}", durationMonths: 1 }) { license { status } } }`;
    await server.ok(SUSPEND, { input: { licenseId: id, reason: 'unpaid' } }, shop.admin);

    await refusedWith('LICENSE_NOT_RENEWABLE', () => server.graphql(renew, {}, shop.admin, keyed('renewal')));
    await noStored();
    await server.ok(
      `mutation { reinstateLicense(input: { licenseId: "${id}" }) { license { status } } }`,
      {},
      shop.admin,
    );
    const [first, again] = await sendTwice(server, renew, {}, shop.admin, 'renewal');

    expect(first.data).toEqual({ renewLicense: { license: { status: 'ACTIVE' } } });
    expect(again).toEqual(first);
    expect(await events('license.renewed')).toBe(1);
  });

  test('that asks for what its caller may not have is refused again, whatever was answered before', async () => {
    await issue('order-1');
    const auditor: Claims = { tenant_id: tenantOf(shop), roles: ['auditor'] };

    await refusedWith('FORBIDDEN', () => issue('order-1', auditor));
  });

  test('answers a caller who sees its license no longer what it was told then, and no more', async () => {
    const { id } = await issueLicense(server, shop);
    const permissions = ['license.read', 'license.renew', 'customer.read', 'activation.read'];
    const bound = { tenant_id: tenantOf(shop), permissions, customer_id: shop.customerId };
    const renew = (selection: string) =>
      `mutation { renewLicense(input: { licenseId: "${id}", durationMonths: 1 }) { license { ${selection} } } }`;
    const told = renew('issuedTo customer { name } activations { nodes { id } }');
    const counted = renew('currentActivations');
    await server.ok(told, {}, bound, keyed('told'));
    await server.ok(counted, {}, bound, keyed('counted'));
    await server.ok(
      'mutation ($input: TransferLicenseInput!) { transferLicense(input: $input) { license { id } } }',
      {
        input: {
          licenseId: id,
          newCustomerId: await createCustomer(server, shop.admin, 'Grace Hopper'),
          newIssuedTo: 'Grace Hopper',
          transferReason: 'sold',
        },
      },
      shop.admin,
    );

    const answer = await server.graphql(told, {}, bound, keyed('told'));
    const lost = await server.graphql(counted, {}, bound, keyed('counted'));

    expect(answer.errors).toEqual([]);
    expect(answer.data?.renewLicense?.license).toEqual({
      issuedTo: 'Ada Okafor',
      customer: { name: 'Ada Okafor' },
      activations: { nodes: [] },
    });
    expect([lost.code, lost.data]).toEqual(['NOT_VISIBLE', { renewLicense: null }]);
  });
});

describe('the same key', () => {
  const reused = 'IDEMPOTENCY_KEY_REUSED';

  test('with another operation, other variables or another selection is refused', async () => {
    await issue('order-1');
    const asked = (query: string, variables: object) => () =>
      server.graphql(query, variables, shop.admin, keyed('order-1'));
    const other = await createCustomer(server, shop.admin, 'Grace Hopper');

    const answers = [
      await refusedWith(reused, asked(ISSUE, { input: { ...issueInput(shop).input, customerId: other } })),
      await refusedWith(reused, asked(ISSUE.replace('Issue', 'Sell'), issueInput(shop))),
      await refusedWith(reused, asked(ISSUE.replace('licenseKey', ''), issueInput(shop))),
      await refusedWith(
        reused,
        asked(
          'mutation { issueLicense: createReseller(input: { name: "R" }) { reseller { id } } }',
          issueInput(shop),
        ),
      ),
    ];

    expect(new Set(answers.map(({ errors }) => errors[0]?.message))).toEqual(
      new Set([
        'This Idempotency-Key came before with another operation or other variables; take a new one.',
      ]),
    );
  });

  test('under which something is done takes no other operation, whatever its root fields are called', async () => {
    const reseller = (alias: string) =>
      `mutation { ${alias}: createReseller(input: { name: "R" }) { reseller { id } } }`;
    await server.ok(reseller('a'), {}, shop.admin, keyed('made'));

    const answers = [];
    for (const query of [reseller('b'), reseller('createReseller'), ISSUE])
      answers.push(
        await refusedWith(reused, () => server.graphql(query, issueInput(shop), shop.admin, keyed('made'))),
      );

    expect(answers.map(({ data }) => data)).toEqual([
      { b: null },
      { createReseller: null },
      { issueLicense: null },
    ]);
    expect([await server.count('resellers', `tenant_id = '${tenantOf(shop)}'`), await licenses()]).toEqual([
      1, 0,
    ]);
  });

  test('with twenty other operations at once has the effect of one, and refuses the others', async () => {
    const sent = Array.from({ length: 20 }, (_, index) =>
      server.graphql(
        `mutation { a${index}: createReseller(input: { name: "R" }) { reseller { id } } }`,
        {},
        shop.admin,
        keyed('made'),
      ),
    );

    const codes = (await Promise.all(sent)).map(({ code }) => code);

    expect(codes.toSorted()).toEqual([...Array(19).fill(reused), undefined]);
    expect(await server.count('resellers', `tenant_id = '${tenantOf(shop)}'`)).toBe(1);
  });

  test('with another fragment is another operation', async () => {
    const query = (field: string) =>
      `mutation { createReseller(input: { name: "R" }) { ...Made } } fragment Made on CreateResellerPayload { reseller { ${field} } }`;
    await server.ok(query('id'), {}, shop.admin, keyed('made'));

    await refusedWith(reused, () => server.graphql(query('name'), {}, shop.admin, keyed('made')));
  });

  test('is another for each subject, for a service of the same name, and in each tenant', async () => {
    const elsewhere = await openShop(server);
    const callers: Claims[] = [
      shop.admin,
      { ...shop.admin, sub: 'another' },
      { ...shop.admin, kind: 'service' },
    ];

    const answers = [];
    for (const caller of callers) answers.push(await issue('order-1', caller));
    answers.push(await issue('order-1', elsewhere.admin, elsewhere));

    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(new Set(answers.map(idOf)).size).toBe(4);
    expect([await licenses(), await licenses(elsewhere)]).toEqual([3, 1]);
    expect((await storedAnswers(server, tenantOf(shop))).map(({ actor }) => actor)).toEqual([
      'service:tester',
      'user:another',
      'user:tester',
    ]);
  });

  test('of a subject that is bound to another customer since is refused, and tells nothing', async () => {
    const { id } = await issueLicense(server, shop);
    const permissions = ['license.read', 'license.renew'];
    const bound = (customer_id: string): Claims => ({ tenant_id: tenantOf(shop), permissions, customer_id });
    const renew = `mutation { renewLicense(input: { licenseId: "${id}", durationMonths: 1 }) { license { id } } }`;
    const first = await server.graphql(renew, {}, bound(shop.customerId), keyed('renewal'));
    const moved = bound(await createCustomer(server, shop.admin, 'Grace Hopper'));

    const answer = await refusedWith(reused, () => server.graphql(renew, {}, moved, keyed('renewal')));

    expect(first.errors).toEqual([]);
    expect(answer.data).toEqual({ renewLicense: null });
  });
});

describe('the header', () => {
  test('of 255 printable characters is taken; anything else is refused by its name before anything runs', async () => {
    const longest = `~ ${'k'.repeat(252)}!`;
    const taken = await issue(longest);
    const before = await licenses();

    const refused: Answer[] = [];
    for (const key of ['', 'k'.repeat(256), 'schlüssel', 'a\tb']) refused.push(await issue(key));

    expect(taken.errors).toEqual([]);
    expect(refused.map(({ status, code }) => [status, code])).toEqual(Array(4).fill([400, 'BAD_REQUEST']));
    expect(new Set(refused.map(({ errors }) => errors[0]?.message))).toEqual(
      new Set(['An Idempotency-Key must be 1 to 255 printable ASCII characters.']),
    );
    expect(await licenses()).toBe(before);
  });

  test('is ignored by queries, whatever it says', async () => {
    const query = '{ licenses { nodes { id } } }';
    const before = await server.graphql(query, {}, shop.admin, keyed('q'));
    await issueLicense(server, shop);

    const after = await server.graphql(query, {}, shop.admin, keyed('q'));
    const odd = await server.graphql(query, {}, shop.admin, keyed('k'.repeat(256)));

    expect(before.data).toEqual({ licenses: { nodes: [] } });
    expect(after.data?.licenses?.nodes).toHaveLength(1);
    expect(odd).toEqual(after);
    await noStored();
  });

  test('with variables that are nested too deeply is refused', async () => {
    const metadata = JSON.parse(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`);
    const query =
      'mutation ($input: UpdateLicenseInput!) { updateLicense(input: $input) { license { id } } }';

    const answer = await refusedWith('OPERATION_TOO_LARGE', () =>
      server.graphql(query, { input: { licenseId: shop.customerId, metadata } }, shop.admin, keyed('deep')),
    );

    expect(answer.status).toBe(400);
  });
});

describe('several root fields', () => {
  const two = (first: string, second: string) => `mutation {
    a: suspendLicense(input: { licenseId: "${first}", reason: "x" }) { license { status suspendedAt: updatedAt } }
    b: reinstateLicense(input: { licenseId: "${second}" }) { license { status } } }`;

  test('have an answer each: what was done is answered, and what was not is done', async () => {
    const [one, other] = [await issueLicense(server, shop), await issueLicense(server, shop)];
    const query = two(one.id, other.id);

    const first = await server.graphql(query, {}, shop.admin, keyed('both'));
    await server.ok(SUSPEND, { input: { licenseId: other.id, reason: 'x' } }, shop.admin);
    server.pass(60_000);
    const again = await server.graphql(query, {}, shop.admin, keyed('both'));
    const third = await server.graphql(query, {}, shop.admin, keyed('both'));

    expect([first.data?.b, first.code]).toEqual([null, 'INVALID_TRANSITION']);
    expect(again.errors).toEqual([]);
    expect(again.data).toEqual({ a: first.data?.a, b: { license: { status: 'ACTIVE' } } });
    expect(third).toEqual(again);
    expect([await events('license.suspended'), await events('license.reinstated')]).toEqual([2, 1]);
  });
});
