import { randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import type { Signed } from './inbound.js';
import { certificates, servingKey, signerKey } from './paypalCertificates.js';
import type { TestServer } from './server.js';

export const WEBHOOK_ID = '8PT597110X687430LKGECATA';

/** Where PayPal keeps its certificates, on this machine: what it gives is what a test puts there. */
export interface CertificateHost {
  readonly origin: string;
  /** The settings of a server that asks here. */
  readonly environment: Readonly<Record<string, string>>;
  /** What was asked for. */
  readonly asked: string[];
  /** By the last part of the address. */
  readonly files: Map<
    string,
    { readonly status?: number; readonly text: string; readonly location?: string }
  >;
  stop(): Promise<void>;
}

const PATH = '/v1/notifications/certs/';

export async function startCertificateHost(): Promise<CertificateHost> {
  const files: CertificateHost['files'] = new Map();
  const asked: string[] = [];
  const server = createServer({ key: servingKey, cert: certificates.serving }, (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const file = files.get(path.slice(PATH.length));
    const headers = file?.location === undefined ? {} : { location: file.location };
    response.writeHead(file?.status ?? (file === undefined ? 404 : 200), headers).end(file?.text ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  const environment = {
    LG_PAYPAL_WEBHOOK_ID: WEBHOOK_ID,
    LG_PAYPAL_TEST_CERTIFICATES: JSON.stringify({ origin, ca: certificates.root }),
  };
  return { origin, environment, asked, files, stop };
}

export interface PaypalSigning {
  readonly url: string;
  readonly webhookId?: string;
  readonly time?: string;
  readonly algorithm?: string;
  readonly transmissionId?: string;
}

/** As PayPal signs: its documentation, "Verify the signature yourself". */
export function signedByPaypal(server: TestServer, event: object, signing: PaypalSigning): Signed {
  const body = JSON.stringify(event);
  const { url, webhookId = WEBHOOK_ID, time = server.now, algorithm = 'SHA256withRSA' } = signing;
  const transmissionId = signing.transmissionId ?? randomUUID();
  const text = `${transmissionId}|${time}|${webhookId}|${crc32(Buffer.from(body))}`;
  const headers = {
    'paypal-transmission-id': transmissionId,
    'paypal-transmission-time': time,
    'paypal-transmission-sig': sign('sha256', Buffer.from(text), signerKey).toString('base64'),
    'paypal-cert-url': url,
    'paypal-auth-algo': algorithm,
  };
  return { body, headers };
}

export const certificateUrl = ({ origin }: CertificateHost, name: string): string =>
  `${origin}${PATH}${name}`;

/** A capture that has come, as PayPal tells of it. */
export function capture(type: string, resource: object, id = `WH-${randomUUID()}`): object {
  return {
    id,
    event_version: '1.0',
    create_time: '2026-01-01T00:00:00Z',
    resource_type: 'capture',
    event_type: type,
    resource: { amount: { currency_code: 'EUR', value: '100.00' }, ...resource },
  };
}
