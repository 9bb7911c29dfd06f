import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DAY_MILLIS } from '../../src/core/clock.js';
import { readConfig } from '../../src/core/config.js';
import { invoiceOf } from '../support/billing.js';
import { openShop, type Shop } from '../support/fixtures.js';
import { inboundOf, knock, standing } from '../support/inbound.js';
import {
  type CertificateHost,
  capture,
  certificateUrl,
  type PaypalSigning,
  signedByPaypal,
  startCertificateHost,
} from '../support/paypal.js';
import { certificates } from '../support/paypalCertificates.js';
import { at, startTestServer, type TestServer } from '../support/server.js';

const { signer, between, root, ofAnotherRoot, ofAnotherName, over } = certificates;

let host: CertificateHost;
let server: TestServer;
let shop: Shop;
beforeAll(async () => {
  host = await startCertificateHost();
  server = await startTestServer({ environment: { ...host.environment, LG_RATE_FORGED_PER_MINUTE: '0' } });
  // Within the time of the certificates.
  server.now = at('2027-03-01T12:00:00Z');
  shop = await openShop(server);
});
beforeEach(() => {
  // Nobody has asked in vain, and nothing of an earlier test is kept.
  server.pass(DAY_MILLIS);
  host.files.clear();
  host.files.set('CERT-good', { text: `${signer}${between}` });
  host.asked.length = 0;
});
afterAll(async () => {
  await server.stop();
  await host.stop();
});

const bill = () => invoiceOf(server, shop.admin, { customerId: shop.customerId });

const good = (): PaypalSigning => ({ url: certificateUrl(host, 'CERT-good') });

function completed(invoiceId: string, captureId = `CAP${randomUUID().slice(0, 8)}`): object {
  return capture('PAYMENT.CAPTURE.COMPLETED', { id: captureId, custom_id: invoiceId });
}

const send = (event: object, signing: PaypalSigning = good(), from?: string) =>
  knock(server, 'paypal', signedByPaypal(server, event, signing), from);

describe('a webhook of PayPal', () => {
  test('is taken by a certificate of PayPal that a trusted root vouches for, and pays its invoice', async () => {
    const { id } = await bill();

    const answer = await send(completed(id));
    await server.jobs.drain();

    expect(answer.status).toBe(200);
    expect(await standing(server, id)).toEqual(['PAID', '100', '0']);
    expect(host.asked).toEqual(['/v1/notifications/certs/CERT-good']);
  });

  test('has its certificate fetched once for many, and kept for a day', async () => {
    const { id } = await bill();
    const signed = signedByPaypal(server, completed(id), good());

    const answers = await Promise.all(Array.from({ length: 20 }, () => knock(server, 'paypal', signed)));
    await send(completed(id));
    const first = host.asked.length;
    server.pass(DAY_MILLIS);
    await send(completed(id));

    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect([first, host.asked.length]).toEqual([1, 2]);
  });

  test('goes back in parts, is denied and reversed as it says', async () => {
    const [paid, denied] = [await bill(), await bill()];
    const links = [{ rel: 'up', href: 'https://api.paypal.com/v2/payments/captures/CAPTURED' }];
    const back = (id: string, value: string) => ({ id, amount: { currency_code: 'EUR', value }, links });

    await send(capture('PAYMENT.CAPTURE.REFUNDED', { ...back('RE1', '40.00'), custom_id: paid.id }));
    await server.jobs.drain();
    await send(completed(paid.id, 'CAPTURED'));
    await send(capture('PAYMENT.CAPTURE.PENDING', { id: 'CAPTURED', custom_id: paid.id }));
    await send(capture('PAYMENT.CAPTURE.DENIED', { id: 'DENIED', custom_id: denied.id }));
    await server.jobs.drain();
    const part = await standing(server, paid.id);
    // By the capture alone, which is known by now.
    await send(capture('PAYMENT.CAPTURE.REVERSED', back('RE2', '60.00')));
    await server.jobs.drain();

    expect(part).toEqual(['PAID', '100', '40']);
    expect(await standing(server, paid.id)).toEqual(['REFUNDED', '100', '100']);
    expect(await standing(server, denied.id)).toEqual(['FAILED', '0', '0']);
  });

  test('that comes again in another transmission is one event, and another body in the same transmission is none', async () => {
    const { id } = await bill();
    const other = await bill();
    const transmissionId = randomUUID();
    const event = completed(id);

    const answers = [
      await send(event, { ...good(), transmissionId }),
      await send(event),
      await send(completed(other.id), { ...good(), transmissionId }),
    ];
    await server.jobs.drain();

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await standing(server, id)).toEqual(['PAID', '100', '0']);
    expect(await standing(server, other.id)).toEqual(['PENDING', '0', '0']);
  });

  test('is taken while PayPal tries again, four days at the most, and not ahead of its time', async () => {
    const { id } = await bill();
    const sent = async (millis: number) => {
      const time = new Date(Date.parse(server.now) + millis).toISOString();
      const { code, status } = await send(completed(id), { ...good(), time });
      return code ?? status;
    };

    expect([
      await sent(-4 * DAY_MILLIS),
      await sent(-4 * DAY_MILLIS - 1_000),
      await sent(300_000),
      await sent(301_000),
    ]).toEqual([200, 'WEBHOOK_TIMESTAMP_INVALID', 200, 'WEBHOOK_TIMESTAMP_INVALID']);
  });
});

describe('a certificate', () => {
  test.each([
    ['of another root', ofAnotherRoot],
    ['of another root that came along', `${ofAnotherRoot}${root}`],
    ['of another name', `${ofAnotherName}${between}`],
    ['that is over', `${over}${between}`],
    ['without who vouches for it', signer],
    ['of an authority', `${between}${root}`],
    ['that is none', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
    ['of which there is no word', 'hello'],
    ['that has no end', signer.repeat(60)],
  ])('%s signs nothing', async (_, text) => {
    const { id } = await bill();
    const eventId = `WH-${randomUUID()}`;
    host.files.set('CERT-bad', { text });

    const event = capture('PAYMENT.CAPTURE.COMPLETED', { id: 'X', custom_id: id }, eventId);
    const answer = await send(event, { url: certificateUrl(host, 'CERT-bad') });

    expect([answer.status, answer.code]).toEqual([400, 'WEBHOOK_SIGNATURE_INVALID']);
    expect(await inboundOf(server, eventId)).toEqual([]);
  });

  test.each([
    ['of another host', () => 'https://api.paypal.com.example.com/v1/notifications/certs/CERT-good'],
    ['of another port', () => 'https://127.0.0.1:1/v1/notifications/certs/CERT-good'],
    ['without TLS', () => certificateUrl(host, 'CERT-good').replace('https', 'http')],
    ['with a user', () => certificateUrl(host, 'CERT-good').replace('https://', 'https://a:b@')],
    ['with a query', () => `${certificateUrl(host, 'CERT-good')}?x=1`],
    ['of another path', () => certificateUrl(host, 'CERT-good').replace('/certs/', '/certs/../')],
    ['of a path within', () => certificateUrl(host, 'a/CERT-good')],
    ['that is no address', () => 'CERT-good'],
  ])('at an address %s is not asked for', async (_, url) => {
    const { id } = await bill();

    const answer = await send(completed(id), { url: url() });

    expect([answer.code, host.asked]).toEqual(['WEBHOOK_SIGNATURE_INVALID', []]);
  });

  test('is looked for nowhere else when its address leads elsewhere', async () => {
    const { id } = await bill();
    host.files.set('CERT-moved', { status: 302, location: certificateUrl(host, 'CERT-good'), text: '' });

    const answer = await send(completed(id), { url: certificateUrl(host, 'CERT-moved') });

    expect(answer.code).toBe('WEBHOOK_SIGNATURE_INVALID');
    expect(host.asked).toEqual(['/v1/notifications/certs/CERT-moved']);
  });

  test('that cannot be had at the moment has its sender come again', async () => {
    const { id } = await bill();
    host.files.set('CERT-later', { status: 503, text: '' });

    const away = await send(completed(id), { url: certificateUrl(host, 'CERT-later') });
    host.files.set('CERT-later', { text: `${signer}${between}` });
    const back = await send(completed(id), { url: certificateUrl(host, 'CERT-later') });

    expect([away.status, away.code, back.status]).toEqual([503, 'CERTIFICATE_UNAVAILABLE', 200]);
  });

  test('that somebody makes up is asked for five times at the most, and PayPal is not shut out by it', async () => {
    const { id } = await bill();
    const madeUp = [];
    for (let count = 0; count < 8; count += 1) {
      madeUp.push((await send(completed(id), { url: certificateUrl(host, `CERT-${count}`) })).status);
    }
    const asked = host.asked.length;

    const elsewhere = await send(completed(id), good(), '198.51.100.20');
    const known = await send(completed(id));

    expect(madeUp).toEqual([400, 400, 400, 400, 400, 503, 503, 503]);
    expect([asked, elsewhere.status, known.status]).toEqual([5, 200, 200]);
  });
});

test.each([
  ['of another algorithm', { algorithm: 'SHA1withRSA' }],
  ['for another webhook', { webhookId: '0000000000' }],
])('what is signed %s is refused', async (_, signing) => {
  const { id } = await bill();

  expect((await send(completed(id), { ...good(), ...signing })).code).toBe('WEBHOOK_SIGNATURE_INVALID');
});

test('a root of tests is taken by tests alone', () => {
  const { LG_PAYPAL_TEST_CERTIFICATES } = host.environment;

  expect(() => readConfig({ NODE_ENV: 'development', LG_PAYPAL_TEST_CERTIFICATES })).toThrow(
    'LG_PAYPAL_TEST_CERTIFICATES: is for tests only',
  );
});
