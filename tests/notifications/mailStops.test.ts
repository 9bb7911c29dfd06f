import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BulkIssueId, OrderId, TenantId } from '../../src/core/id.js';
import { noteFailedPart } from '../../src/licenses/service/bulkIssue/bulkIssueFailures.js';
import { noteFailure } from '../../src/orders/service/progressOrder.js';
import { mutation } from '../support/acts.js';
import { begin, insertBatch } from '../support/batches.js';
import { MailWorker } from '../support/mailing.js';
import { branding, only } from '../support/mailWorld.js';
import { type Channel, openChannel } from '../support/pools.js';
import { START, startTestServer, type TestServer } from '../support/server.js';
import { MailServer } from '../support/smtp.js';

let server: TestServer;
let post: MailServer;
let channel: Channel;
let workers: MailWorker[];
beforeAll(async () => {
  server = await startTestServer();
  post = await MailServer.open();
});
beforeEach(async () => {
  server.now = START;
  channel = await openChannel(server);
  workers = [0, 1].map(() => new MailWorker(server, { LG_SMTP_URL: post.url }));
});
afterEach(() => Promise.all(workers.map((each) => each.end())));
afterAll(async () => {
  await post?.stop();
  await server?.stop();
});

const act = (name: string, input: object, as = channel.admin) =>
  server.ok(mutation(name, '__typename'), { input }, as);

let addresses = 0;
/** The vendor's people, at an address of their own. */
async function staffed(settings: object = {}, as = channel.admin): Promise<string> {
  addresses += 1;
  const staffAddress = `office-${addresses}@radar.example`;
  await act('updateTenantSettings', { mail: { staffAddress }, ...settings }, as);
  return staffAddress;
}

const inTenant = <Result>(run: Parameters<MailWorker['context']['act']>[1]) =>
  server.jobs.surroundings.act(channel.admin.tenant_id as TenantId, run) as Promise<Result>;

/** What stops in parts: how it is begun, stops once more, and goes on. */
interface Stopping {
  readonly begun: () => Promise<string>;
  readonly fail: (id: string) => Promise<boolean>;
  readonly goOn: (id: string) => Promise<unknown>;
  readonly kind: string;
  readonly subject: (id: string) => string;
}

const order: Stopping = {
  begun: async () => {
    const id = await insertBatch(server, channel, 260);
    await begin(server, channel, id);
    return id;
  },
  fail: (id) => inTenant((work) => noteFailure(work, id as OrderId, new Error('full'))),
  goOn: (orderId) => act('fulfillOrder', { orderId }),
  kind: 'ORDER_STOPPED',
  subject: (id) => `Order ORD-${id.slice(0, 8)} stopped: 0 of 260 licenses are made`,
};

const list: Stopping = {
  begun: async () => {
    const csv = `customerId\n${Array.from({ length: 501 }, () => channel.customerId).join('\n')}`;
    const input = { templateId: channel.templateId, csv, mode: 'ROW_BY_ROW' };
    const data = await server.ok(mutation('bulkIssueLicenses', 'bulkIssue { id }'), { input }, channel.admin);
    return String(data.bulkIssueLicenses?.bulkIssue?.id);
  },
  fail: (id) => inTenant((work) => noteFailedPart(work, id as BulkIssueId, new Error('full'))),
  goOn: (bulkIssueId) => act('retryBulkIssue', { bulkIssueId }),
  kind: 'BULK_ISSUE_FAILED',
  subject: () => 'A list of licenses stopped: 501 are still waiting',
};

/** The tenth failure in a row gives it up. */
async function stop({ fail }: Stopping, id: string): Promise<void> {
  const given: boolean[] = [];
  for (let times = 0; times < 10; times += 1) given.push(await fail(id));
  expect(given).toEqual([...Array.from({ length: 9 }, () => false), true]);
}

/** Both workers at once, and each of them twice: a fact comes at least once. */
async function tellAll(): Promise<void> {
  const all = [...workers, ...workers].map((each) => each.tell(channel.admin));
  await Promise.all(all);
  await Promise.all(workers.map((each) => each.deliver()));
}

const kinds = async () => {
  const rows = await server.sql`select kind, status from notifications
    where tenant_id = ${channel.admin.tenant_id} and kind in ('ORDER_STOPPED', 'BULK_ISSUE_FAILED') order by id`;
  return rows.map(({ kind, status }) => `${kind} ${status}`);
};

/** Jobs that tell of a stop, once what happened is numbered. */
async function queued(): Promise<number> {
  await server.jobs.seal();
  return server.count(
    'graphile_worker._private_jobs as job join graphile_worker._private_tasks as task on task.id = job.task_id',
    `task.identifier = 'mail.tell' and job.payload ->> 'tenantId' = '${channel.admin.tenant_id}'
      and job.payload ->> 'type' in ('order.stopped', 'bulk_issue.failed')`,
  );
}

describe.each([
  ['an order', order],
  ['a list', list],
])('%s that stops', (_name, stopping) => {
  test('is told the vendor’s people once by two workers at once, and once more when it was begun again and stops again', async () => {
    const staff = await staffed();
    const email = `ada-${addresses}@example.com`;
    await act('updateCustomer', { customerId: channel.customerId, email });
    const id = await stopping.begun();

    await stop(stopping, id);
    const jobs = await queued();
    await tellAll();
    const first = post.to(staff).map(({ mail }) => mail.subject);
    await stopping.goOn(id);
    await stop(stopping, id);
    await tellAll();

    expect([jobs, first]).toEqual([1, [stopping.subject(id)]]);
    expect(post.to(staff).map(({ mail }) => mail.subject)).toEqual([
      stopping.subject(id),
      stopping.subject(id),
    ]);
    expect(new Set(post.to(staff).map(({ mail }) => mail.messageId)).size).toBe(2);
    expect(post.to(email)).toEqual([]);
    expect(await kinds()).toEqual([`${stopping.kind} SENT`, `${stopping.kind} SENT`]);
  });

  test('is told nobody where the tenant has no such address, and nobody of another tenant', async () => {
    const other = await openChannel(server);
    const elsewhere = await staffed({}, other.admin);
    await act('updateCustomer', { customerId: channel.customerId, email: 'ada@example.com' });

    await stop(stopping, await stopping.begun());
    const jobs = await queued();
    await tellAll();

    expect([jobs, await kinds()]).toEqual([0, []]);
    expect(post.to(elsewhere)).toEqual([]);
  });

  test('is not told once it was begun again', async () => {
    const staff = await staffed();
    const id = await stopping.begun();
    await stop(stopping, id);
    await stopping.goOn(id);

    await tellAll();

    expect([await kinds(), post.to(staff)]).toEqual([[], []]);
  });

  test('and was begun again while the mail server put the mail off is not told any more', async () => {
    const staff = await staffed();
    const id = await stopping.begun();
    await stop(stopping, id);
    post.behaviour = () => 451;
    await tellAll();
    post.behaviour = () => 250;
    await stopping.goOn(id);
    server.pass(5 * 60_000);

    await tellAll();

    expect([await kinds(), post.to(staff)]).toEqual([[`${stopping.kind} SUPPRESSED`], []]);
  });

  test('is shown in the inbox to whoever may read mail, and to no customer or reseller', async () => {
    await staffed();
    await stop(stopping, await stopping.begun());
    await tellAll();
    const { admin, customerId, reseller } = channel;
    const query = '{ notifications { nodes { kind } } }';
    const bound = { ...admin, customer_id: customerId };
    const stranger = (await openChannel(server)).admin;

    const seen = await Promise.all(
      [admin, bound, reseller, stranger].map((as) => server.graphql(query, {}, as)),
    );

    expect(seen.map(({ data, code }) => data?.notifications?.nodes ?? code)).toEqual([
      [{ kind: stopping.kind }],
      [],
      'FORBIDDEN',
      [],
    ]);
  });
});

test('names in the mail of a stop begin no header and are no markup, and dates are by the tenant’s clock', async () => {
  const hostile = 'Ada <script>alert(1)</script>\r\nBcc: eve@evil.example';
  await server.sql`update customers set name = ${hostile} where id = ${channel.customerId}`;
  const staff = await staffed({ branding, language: 'de', timeZone: 'Pacific/Auckland' });
  await stop(order, await order.begun());

  await tellAll();

  const { mail } = only(post.to(staff));
  expect(mail.html).toContain('Ada &lt;script&gt;alert(1)&lt;/script&gt; Bcc: eve@evil.example');
  expect(mail.html).not.toContain('<script>');
  expect(mail.headers.map(({ key }) => key)).not.toContain('bcc');
  expect(post.to('eve@evil.example')).toEqual([]);
  expect(mail.subject).toMatch(/^Bestellung ORD-\S+ angehalten: 0 von 260 Lizenzen erstellt$/);
  expect(mail.text).toContain('INTERNAL_SERVER_ERROR');
  expect(mail.text).toContain('2. März 2026');
});
