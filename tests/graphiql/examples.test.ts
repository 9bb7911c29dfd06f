import { Kind, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { createLog } from '../../src/core/log.js';
import { type Example, groups } from '../../src/graphiql/example.js';
import { examples, textsOf } from '../../src/graphiql/examples.js';
import { type DemoFacts, demoFacts, seedDemo } from '../../src/server/database/seed.js';
import { createSchema } from '../../src/server/schema.js';
import { openMachinery } from '../../src/server/start.js';
import { type Answer, type Claims, startTestServer, type TestServer } from '../support/server.js';

const schema = createSchema();

function operationOf({ query }: Example): string {
  const [operation] = parse(query).definitions;
  return operation?.kind === Kind.OPERATION_DEFINITION ? operation.operation : '';
}

describe('every example', () => {
  test('stands in a group, under a name of its own', () => {
    const titles = examples.map(({ title }) => title);

    expect(new Set(titles).size).toBe(21);
    expect(new Set(examples.map(({ group }) => group))).toEqual(new Set(groups));
  });

  test.each(examples)('$title: is one named operation that fits the schema and the editor', (example) => {
    const document = parse(example.query);

    expect(validate(schema, document)).toEqual([]);
    expect(document.definitions).toHaveLength(1);
    expect(document.definitions[0]).toHaveProperty('name.value');
    expect(Math.max(...example.query.split('\n').map((line) => line.length))).toBeLessThanOrEqual(52);
    expect(example.query.endsWith('}\n')).toBe(true);
  });

  test('says what to put there where nothing is known of the tenant', () => {
    const issue = examples.find(({ query }) => query.includes('issueLicense'));

    expect(issue && JSON.parse(textsOf(issue).variables)).toEqual({
      input: { customerId: '(the id of a customer)', templateId: '(the id of a template)' },
    });
  });
});

describe('on the demo data', () => {
  let server: TestServer;
  let facts: DemoFacts;
  beforeAll(async () => {
    server = await startTestServer();
    const { keys, url } = server;
    const config = readConfig({ NODE_ENV: 'test' });
    const worker = openMachinery({ config, keys, url, log: createLog('silent') }, 'lg_worker');
    try {
      await seedDemo(worker);
      const found = await demoFacts(worker, 'demo-isp' as Parameters<typeof demoFacts>[1]);
      if (found === undefined) throw new Error('nothing was seeded');
      facts = found;
    } finally {
      await worker.pool.end();
    }
    // The system's clock has seeded them: they are to run for as long as they do for a reader.
    server.pass(Date.now() - Date.parse(server.now));
  });
  afterAll(() => server.stop());

  const admin: Claims = { tenant_id: 'demo-isp', roles: ['admin'] };

  function run(example: Example, variables?: object): Promise<Answer> {
    const texts = textsOf(example, facts);
    const own = texts.variables === '' ? {} : JSON.parse(texts.variables);
    const as = example.group === 'A device, without a token' ? undefined : admin;
    return server.graphql(example.query, variables ?? own, as);
  }

  function named(part: string): Example {
    const found = examples.find(({ query }) => query.includes(part));
    if (found === undefined) throw new Error(`no example of ${part}`);
    return found;
  }

  /** They take what another example has answered. */
  const goingOn = ['sendHeartbeat', 'approveOrder', 'recordPayment'];
  const plain = examples.filter(
    (example) =>
      operationOf(example) !== 'subscription' &&
      example.group !== 'Refused' &&
      !goingOn.some((act) => example.query.includes(act)),
  );

  // In their order in the menu: a license is suspended before it is reinstated.
  test('each runs without an error, in the order of the menu', async () => {
    for (const example of plain) {
      const answer = await run(example);
      expect({ title: example.title, errors: answer.errors }).toEqual({ title: example.title, errors: [] });
    }
    expect(plain).toHaveLength(13);
  });

  test('a heartbeat goes with the token that the example of activating answers', async () => {
    const { data } = await run(named('activateLicense'));
    const activationToken = String(data?.activateLicense?.activationToken);

    const answer = await run(named('sendHeartbeat'), {
      input: { activationToken, metrics: { apiCallsCount: 1 } },
    });

    expect(answer.data?.sendHeartbeat?.status).toBe('SUCCESS');
  });

  test('an order goes to its licenses by the examples, with what the one before has answered', async () => {
    const order = (await run(named('createOrder'))).data?.createOrder?.order;
    const { id: orderId, totalAmount: amount, invoice } = order ?? {};
    const approved = await run(named('approveOrder'), { input: { orderId } });

    const paid = await run(named('recordPayment'), { input: { invoiceId: invoice?.id, amount } });

    expect(approved.data?.approveOrder?.order).toMatchObject({
      status: 'APPROVED',
      paymentStatus: 'PENDING',
    });
    expect(paid.data?.recordPayment?.invoice).toMatchObject({
      paymentStatus: 'PAID',
      amountDue: '0',
      order: { status: 'FULFILLED', licenses: { nodes: Array(5).fill({ status: 'ACTIVE' }) } },
    });
  });

  test('those that are to be refused are, in part or from the fourth time on', async () => {
    const unlicensed = await run(named('advancedAnalytics'));
    const exports = [];
    for (let time = 0; time < 4; time += 1) exports.push((await run(named('exportLicenses'))).code);

    expect(unlicensed.code).toBe('FEATURE_NOT_LICENSED');
    expect(unlicensed.data?.license?.analytics).toHaveProperty('totalActivations');
    expect(exports).toEqual([undefined, undefined, undefined, 'QUOTA_EXCEEDED']);
  });
});
