import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addMillis } from '../../src/core/clock.js';
import { eventsDuring, inRole, listIn, mutation, refusedAct, refusedFields } from '../support/acts.js';
import { createTemplate, issueLicense, openShop, type Shop } from '../support/fixtures.js';
import { type Json, START, startTestServer, type TestServer } from '../support/server.js';

let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  server = await startTestServer();
  shop = await openShop(server);
});
afterAll(() => server.stop());

const pricing = { basePrice: '100', currency: 'USD', billingCycle: 'ANNUALLY' };
const selection = `version templateName productId description licenseType licenseModel defaultDuration maxActivations
  features { featureId included defaultLimit } restrictions { restrictionType operator defaultValues }
  pricing { basePrice currency billingCycle setupFee } autoRenewalEnabled trialAllowed trialDurationDays
  gracePeriodDays active`;

const fresh = () =>
  createTemplate(server, shop.admin, shop.productId, {
    description: 'First',
    features: [{ featureId: 'api', featureName: 'API', defaultLimit: 5 }],
    restrictions: [{ restrictionType: 'GEOGRAPHIC', operator: 'ALLOW', defaultValues: ['DE'] }],
  });

async function read(id: string, fields = selection): Promise<Json> {
  const { template } = await server.ok(
    `query ($id: ID!) { template(id: $id) { ${fields} } }`,
    { id },
    shop.admin,
  );
  if (template === undefined) throw new Error('no template was answered');
  return template;
}

async function act(name: string, input: object, fields = selection): Promise<Json> {
  const data = await server.ok(mutation(name, `template { ${fields} }`), { input }, shop.admin);
  const template = data[name]?.template;
  if (template === undefined) throw new Error('no template was answered');
  return template;
}

describe('updateTemplate', () => {
  test.each([
    ['templateName', 'Second'],
    ['description', ''],
    ['defaultDuration', 1],
    ['maxActivations', 0],
    ['features', []],
    ['features', [{ featureId: 'vpn', included: false, defaultLimit: null }]],
    ['restrictions', []],
    ['pricing', { basePrice: '1.5', currency: 'EUR', billingCycle: 'MONTHLY', setupFee: '9.99' }],
    ['autoRenewalEnabled', false],
    ['trialAllowed', false],
    ['trialDurationDays', 60],
    ['gracePeriodDays', 0],
    ['active', false],
  ])('changes %s alone, and counts the change', async (field, value) => {
    const templateId = await fresh();
    const before = await read(templateId);
    const given =
      field === 'features' ? listIn<object>(value).map((each) => ({ featureName: 'F', ...each })) : value;

    const events = await eventsDuring(server, shop.admin.tenant_id, () =>
      act('updateTemplate', { templateId, [field]: given }),
    );

    expect(await read(templateId)).toEqual({ ...before, [field]: value, version: 2 });
    expect(events).toEqual([
      {
        type: 'template.updated',
        subjectId: templateId,
        licenseId: null,
        actor: 'tester',
        data: { changed: [field], version: 2 },
      },
    ]);
  });

  test('each change counts once, also of changes at once', async () => {
    const templateId = await fresh();

    await Promise.all(
      [1, 2, 3, 4].map((maxActivations) => act('updateTemplate', { templateId, maxActivations })),
    );

    expect((await read(templateId)).version).toBe(5);
  });

  test('a license keeps the number of the version that it was made from', async () => {
    const templateId = await fresh();
    const versionOf = async (id: string) => {
      const { license } = await server.ok(
        'query ($id: ID!) { license(id: $id) { templateVersion } }',
        { id },
        shop.admin,
      );
      return license?.templateVersion;
    };
    const first = await issueLicense(server, shop, { templateId });
    await act('updateTemplate', { templateId, maxActivations: 9 });
    const second = await issueLicense(server, shop, { templateId });

    expect([await versionOf(first.id), await versionOf(second.id)]).toEqual([1, 2]);
  });

  test('a template that is switched on again issues licenses again', async () => {
    const templateId = await fresh();
    const input = { templateId, customerId: shop.customerId };
    await act('updateTemplate', { templateId, active: false });
    await refusedAct(server, shop.admin, 'issueLicense', input, 'TEMPLATE_INACTIVE');

    await act('updateTemplate', { templateId, active: true });

    expect((await issueLicense(server, shop, { templateId })).id).toEqual(expect.any(String));
  });

  test('the instant of the last change moves, that of the making does not', async () => {
    const templateId = await fresh();
    server.pass(1000);

    const changed = await act('updateTemplate', { templateId, active: false }, 'createdAt updatedAt');
    server.now = START;

    expect(changed).toEqual({ createdAt: START, updatedAt: addMillis(START, 1000) });
  });

  test.each<[string, object, string[]]>([
    ['nothing to change', {}, ['input']],
    [
      'nulls',
      { templateName: null, pricing: null, features: null, active: null },
      ['input.templateName', 'input.features', 'input.pricing', 'input.active'],
    ],
    ['a name that is blank', { templateName: ' ' }, ['input.templateName']],
    ['a duration of no days', { defaultDuration: 0 }, ['input.defaultDuration']],
    [
      'a feature twice',
      { features: ['a', 'a'].map((featureId) => ({ featureId, featureName: 'F' })) },
      ['input.features.1.featureId'],
    ],
    ['a currency that is none', { pricing: { ...pricing, currency: 'XYZ' } }, ['input.pricing.currency']],
    [
      'a restriction that does not parse',
      { restrictions: [{ restrictionType: 'IP_RANGE', operator: 'DENY', defaultValues: ['x'] }] },
      ['input.restrictions.0.defaultValues.0'],
    ],
  ])('%s is refused, every field named', async (_, changes, fields) => {
    const templateId = await fresh();

    expect(await refusedFields(server, shop.admin, 'updateTemplate', { templateId, ...changes })).toEqual(
      fields,
    );
  });
});

describe('duplicateTemplate', () => {
  test('a copy is the same under another name, and begins at version 1', async () => {
    const templateId = await fresh();
    await act('updateTemplate', {
      templateId,
      maxActivations: 7,
      pricing: { ...pricing, setupFee: '49.99' },
    });
    const original = await read(templateId);

    const copy = await act('duplicateTemplate', { templateId, newName: 'A copy' }, `id ${selection}`);

    const { id, ...copied } = copy;
    expect(id).not.toBe(templateId);
    expect(copied).toEqual({ ...original, templateName: 'A copy', version: 1 });
    expect(await read(templateId)).toEqual(original);
  });

  test('a change of the copy does not reach the original', async () => {
    const templateId = await fresh();
    const copy = await act('duplicateTemplate', { templateId, newName: 'A copy' }, 'id');
    const original = await read(templateId);

    await act('updateTemplate', { templateId: copy.id, features: [], maxActivations: 99 });

    expect(await read(templateId)).toEqual(original);
  });

  test('writes one event, of the copy', async () => {
    const templateId = await fresh();
    let copy: Json | undefined;

    const events = await eventsDuring(server, shop.admin.tenant_id, async () => {
      copy = await act('duplicateTemplate', { templateId, newName: 'A copy' }, 'id');
    });

    expect(events.map((event) => [event.type, event.subjectId])).toEqual([['template.created', copy?.id]]);
  });

  test('a name has to be given', async () => {
    const templateId = await fresh();

    const fields = await refusedFields(server, shop.admin, 'duplicateTemplate', { templateId, newName: ' ' });

    expect(fields).toEqual(['input.newName']);
  });
});

describe.each([
  ['updateTemplate', { active: false }],
  ['duplicateTemplate', { newName: 'A copy' }],
])('%s', (name, input) => {
  test("of another tenant's template answers as of one that does not exist", async () => {
    const other = await openShop(server);
    const nobody = '01930000-0000-7000-8000-000000000000';

    for (const templateId of [other.templateId, nobody]) {
      const error = await refusedAct(
        server,
        shop.admin,
        name,
        { templateId, ...input },
        'TEMPLATE_NOT_FOUND',
      );
      expect(error.message).toBe(`There is no license template ${templateId}.`);
    }
  });

  test.each(['auditor', 'support', 'reseller', 'customer', 'application'] as const)(
    'the role %s may not',
    async (role) => {
      const as = inRole(shop.admin, role);

      await refusedAct(server, as, name, { templateId: shop.templateId, ...input }, 'FORBIDDEN');
    },
  );
});
