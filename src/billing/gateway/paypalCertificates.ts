import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import { addMillis, type Clock, DAY_MILLIS, type Instant, millis } from '../../core/clock.js';
import { isCurrent, signerIn } from '../model/certificates.js';

/** Where PayPal keeps the certificates that it signs webhooks with. */
const HOSTS = ['api.paypal.com', 'api.sandbox.paypal.com', 'api-m.paypal.com', 'api-m.sandbox.paypal.com'];
const PATH = /^\/v1\/notifications\/certs\/[A-Za-z0-9-]{1,100}$/;
const TOTAL_MILLIS = 5_000;
/** A chain of three certificates has 6 kB. */
const MOST_BYTES = 65_536;
/** PayPal signs with a few at a time. */
const MOST_KEPT = 100;
const KEPT_MILLIS = DAY_MILLIS;
/** At a time, and in vain for one address in ten minutes: whoever makes up addresses has us ask PayPal no more than that. */
const MOST_AT_ONCE = 4;
const MOST_IN_VAIN = 5;
const VAIN_MILLIS = 600_000;
const MOST_ASKERS = 10_000;

/** Tests listen themselves, under a root of their own. */
export interface CertificateSource {
  /** `https://127.0.0.1:1234`, in the place of PayPal's hosts. */
  readonly origin: string;
  readonly ca: string;
}

interface Kept {
  readonly certificate: X509Certificate;
  readonly until: Instant;
}

interface Vain {
  count: number;
  readonly until: number;
}

/** It could not be had at the moment, and may be had later: the sender is to come again. */
export class CertificateUnavailable extends Error {
  override readonly name = 'CertificateUnavailable';
}

function textOf(url: URL, ca: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new CertificateUnavailable('a certificate could not be fetched'));
    // No redirects, no connection that was kept, and no address but the one that was looked at.
    const asking = request(url, { agent: false, ...(ca === undefined ? {} : { ca }) }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > MOST_BYTES) asking.destroy(new Error('too long'));
      });
      response.on('end', () => {
        // What is not there now will not be there for whoever asks again.
        if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString('latin1'));
        else if ((response.statusCode ?? 0) >= 500) fail();
        else resolve('');
      });
      response.on('error', fail);
    });
    const late = setTimeout(() => asking.destroy(new Error('too late')), TOTAL_MILLIS);
    asking.on('close', () => {
      clearTimeout(late);
      fail();
    });
    asking.on('error', fail).end();
  });
}

/**
 * The certificates of PayPal's signatures, by their addresses. The address comes with each webhook, from anybody: only
 * PayPal's own hosts are asked, over TLS, and what they give has to be vouched for besides. One request answers all who wait
 * for the same; what was found is kept for a day.
 */
export class PaypalCertificates {
  readonly #kept = new Map<string, Kept>();
  readonly #asked = new Map<string, Promise<X509Certificate | undefined>>();
  readonly #vain = new Map<string, Vain>();
  #roots: readonly X509Certificate[] | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly source?: CertificateSource,
  ) {}

  /** Undefined where there is none at this address that may sign; `asker` is who has named the address. */
  async find(address: string, asker: string): Promise<X509Certificate | undefined> {
    const url = this.#allowed(address);
    if (url === undefined) return undefined;
    const now = this.clock();
    const kept = this.#kept.get(url.href);
    if (kept !== undefined && now < kept.until && isCurrent(kept.certificate, now)) return kept.certificate;
    const asked = this.#asked.get(url.href);
    if (asked !== undefined) return asked;
    this.#requireFew(asker, millis(now));
    const asking = this.#ask(url, asker).finally(() => this.#asked.delete(url.href));
    this.#asked.set(url.href, asking);
    return asking;
  }

  #allowed(address: string): URL | undefined {
    if (!URL.canParse(address)) return undefined;
    const url = new URL(address);
    const isPlain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
    const isHost =
      this.source === undefined
        ? HOSTS.includes(url.hostname) && url.port === ''
        : url.origin === this.source.origin;
    return url.protocol === 'https:' && isPlain && isHost && PATH.test(url.pathname) ? url : undefined;
  }

  #requireFew(asker: string, now: number): void {
    const vain = this.#vain.get(asker);
    const isOver = vain !== undefined && vain.until > now && vain.count >= MOST_IN_VAIN;
    if (isOver || this.#asked.size >= MOST_AT_ONCE)
      throw new CertificateUnavailable('too many certificates are asked for');
  }

  async #ask(url: URL, asker: string): Promise<X509Certificate | undefined> {
    const now = this.clock();
    const roots = this.source === undefined ? rootCertificates : [this.source.ca];
    this.#roots ??= roots.map((root) => new X509Certificate(root));
    // What fails on the way there is not counted: an outage of PayPal's is no fault of whoever asks.
    const found = signerIn(await textOf(url, this.source?.ca), this.#roots, now);
    if (found === undefined) this.#note(asker, millis(now));
    else this.#keep(url.href, found, now);
    return found;
  }

  #keep(address: string, certificate: X509Certificate, now: Instant): void {
    const [oldest] = this.#kept.size < MOST_KEPT ? [] : this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(address, { certificate, until: addMillis(now, KEPT_MILLIS) });
  }

  #note(asker: string, now: number): void {
    for (const [name, { until }] of this.#vain) if (until <= now) this.#vain.delete(name);
    const known = this.#vain.get(asker);
    if (known !== undefined) known.count += 1;
    else if (this.#vain.size < MOST_ASKERS) this.#vain.set(asker, { count: 1, until: now + VAIN_MILLIS });
  }
}
