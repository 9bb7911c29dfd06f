import { describe, expect, test } from 'vitest';
import { languages } from '../../src/access/model/settings.js';
import { type Letter, maskedLetter, plainLine } from '../../src/notifications/model/letters.js';
import { MOST_ATTEMPTS, mailKinds, nextAttemptAt, settled } from '../../src/notifications/model/mail.js';
import { senderOf } from '../../src/notifications/model/sender.js';
import { inkOn } from '../../src/notifications/templates/LetterPage.js';
import { renderLetter } from '../../src/notifications/templates/render.js';
import { sampleLetter } from '../../src/notifications/templates/samples.js';
import { START } from '../support/server.js';

const every = mailKinds.flatMap((kind) => languages.map((language) => [kind, language] as const));

/** The words of a page, as somebody reads them. */
function readHtml(html: string): string {
  return html
    .replace(/<title>.*?<\/title>/, '')
    .replace(/<!--.*?-->/gs, '')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&#x27;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** What a sample says that is the same in every language. */
const facts: Readonly<Record<(typeof mailKinds)[number], readonly string[]>> = {
  LICENSE_ISSUED: [
    'A1B2-C3D4-E5F6-G7H8-I9J0',
    'Radar Professional',
    'Internet access',
    'API calls',
    'Customer portal',
    '200',
  ],
  LICENSE_EXPIRING: ['A1B2-****-****-****-I9J0', 'Radar Professional', 'Ada Okafor'],
  LICENSE_SUSPENDED: ['A1B2-****-****-****-I9J0', 'Invoice 1042 is overdue'],
  RENEWAL_FAILED: ['A1B2-****-****-****-I9J0', 'The card was declined'],
  VIOLATION_DETECTED: ['12 devices are active on 10 seats', 'Ada Okafor', 'A1B2-****-****-****-I9J0'],
  ORDER_FULFILLED: ['ORD-2026-000042', 'Radar Professional', '25'],
  EMERGENCY_CODE_USED: ['A1B2-****-****-****-I9J0', 'Radar Professional', 'Ada Okafor'],
};
const company = [
  'Radar Networks',
  '1 Harbour Street',
  'Dublin 2',
  'support@example.com',
  '+353 1 555 0100',
  '2026',
];

describe('a letter', () => {
  test.each(every)('%s in %s says every fact and who writes, as HTML and as text', (kind, language) => {
    const letter = sampleLetter(kind, START);

    const { subject, html, text } = renderLetter(letter, { language, timeZone: 'Europe/Berlin' });

    const page = readHtml(html);
    for (const fact of [...facts[kind], ...company, 'Ada Okafor']) {
      expect(text).toContain(fact);
      expect(page).toContain(fact);
    }
    for (const url of [letter.company.portalUrl, letter.company.termsUrl]) {
      expect(text).toContain(url);
      expect(html).toContain(`href="${url}`);
    }
    expect(html).toMatch(new RegExp(`^<!DOCTYPE html><html.* lang="${language}"`));
    expect(subject).not.toMatch(/undefined|null|NaN/);
    expect(`${text}${page}`).not.toMatch(/undefined|\bnull\b|NaN|\[object/);
  });

  test('is another one in each language', () => {
    for (const kind of mailKinds) {
      const written = languages.map((language) =>
        renderLetter(sampleLetter(kind, START), { language, timeZone: 'UTC' }),
      );
      expect(new Set(written.map(({ subject }) => subject)).size).toBe(languages.length);
      expect(new Set(written.map(({ text }) => text)).size).toBe(languages.length);
    }
  });

  test.each([
    ['en', 'America/New_York', 'March 1, 2026', '10,000', 'February 28, 2027', '€2,990.00'],
    ['de', 'Europe/Berlin', '1. März 2026', '10.000', '28. Februar 2027', '2.990,00 €'],
    ['fr', 'Europe/Paris', '1 mars 2026', '10 000', '28 février 2027', '2 990,00 €'],
    ['es', 'Europe/Madrid', '1 de marzo de 2026', '10.000', '28 de febrero de 2027', '2990,00 €'],
  ] as const)(
    'in %s writes dates, numbers and amounts as they are read there',
    (language, timeZone, ...written) => {
      const [issued, limit, , amount] = written;
      const spaces = (text: string): string => text.replace(/[\u00a0\u202f]/g, ' ');

      const license = renderLetter(sampleLetter('LICENSE_ISSUED', START), { language, timeZone });
      const renewal = renderLetter(sampleLetter('RENEWAL_FAILED', START), { language, timeZone });

      expect(spaces(license.text)).toContain(issued);
      expect(spaces(license.text)).toContain(limit);
      expect(spaces(renewal.text)).toContain(amount);
    },
  );

  test("dates are its reader's: an evening in New York is the next day in Tokyo", () => {
    const letter = sampleLetter('LICENSE_EXPIRING', '2026-12-31T22:30:00.000Z' as typeof START);

    const newYork = renderLetter(letter, { language: 'en', timeZone: 'America/New_York' });
    const tokyo = renderLetter(letter, { language: 'en', timeZone: 'Asia/Tokyo' });

    expect(newYork.text).toContain('January 7, 2027');
    expect(newYork.text).toContain('© 2026');
    expect(tokyo.text).toContain('January 8, 2027');
    expect(tokyo.text).toContain('© 2027');
  });

  test('takes nothing that somebody wrote for its own', () => {
    const hostile = '<img src=x onerror=alert(1)>"\'&</td>\u202eevil\u0000\r\nBcc: all@example.com';
    const sample = sampleLetter('LICENSE_ISSUED', START);
    const letter = {
      ...sample,
      recipientName: hostile,
      company: { ...sample.company, name: hostile, address: `${hostile}\nDublin` },
      facts: { ...sample.facts, productName: hostile, issuedTo: hostile },
    } as Letter;

    const { subject, html, text } = renderLetter(letter, { language: 'en', timeZone: 'UTC' });

    expect(html).not.toContain('<img');
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;');
    for (const written of [subject, html, text]) expect(written).not.toMatch(/[\u202e\0\r]/);
    expect(subject).not.toContain('\n');
    expect(text).toContain('Hello <img src=x onerror=alert(1)>"\'&</td> evil Bcc: all@example.com,\n');
  });

  test('that is read later shows no key that can be used', () => {
    const letter = maskedLetter(sampleLetter('LICENSE_ISSUED', START));

    const { html, text } = renderLetter(letter, { language: 'en', timeZone: 'UTC' });

    expect(`${html}${text}`).not.toMatch(/C3D4|E5F6|G7H8/);
    expect(text).toContain('A1B2-****-****-****-I9J0');
  });

  test('ink is read on any color', () => {
    expect([inkOn('#ffffff'), inkOn('#ffff00'), inkOn('#1f4e8c'), inkOn('#000000')]).toEqual([
      '#000000',
      '#000000',
      '#ffffff',
      '#ffffff',
    ]);
  });
});

test('a line of text holds nothing that is not seen', () => {
  expect(plainLine(' a\r\n\tb\u2028c\u202ed\u200be\ud800 ')).toBe('a b c d e');
  expect(plainLine('x'.repeat(600))).toHaveLength(500);
});

describe('attempts', () => {
  test('are ten, further and further apart', () => {
    const waits = Array.from({ length: MOST_ATTEMPTS }, (_, index) => nextAttemptAt(index + 1, START));

    expect(waits.slice(0, 9)).toEqual(waits.slice(0, 9).toSorted());
    expect(waits.at(0)).toBe('2026-03-01T12:01:00.000Z');
    expect(waits.at(8)).toBe('2026-03-02T12:00:00.000Z');
    expect(waits.at(9)).toBeUndefined();
  });

  test('that are refused for good are not made again', () => {
    expect(settled({ outcome: 'REFUSED', reason: '550 no' }, 1, START)).toEqual({
      status: 'FAILED',
      sentAt: null,
      nextAttemptAt: null,
      reason: '550 no',
    });
  });
});

describe('the sender', () => {
  const settings = { mail: { fromAddress: 'hello@radar.example', fromName: 'Radar' } };
  const deployment = { LG_MAIL_FROM: 'mail@licenses.example', LG_MAIL_DOMAINS: [] as string[] };

  test.each([
    ['nobody may send for', [], 'mail@licenses.example', 'hello@radar.example'],
    ['the deployment sends for', ['radar.example'], 'hello@radar.example', undefined],
    ['is one of all', ['*'], 'hello@radar.example', undefined],
    ['only looks like one', ['adar.example', 'example'], 'mail@licenses.example', 'hello@radar.example'],
  ])('of a tenant whose domain %s', (_what, domains, address, replyTo) => {
    const sender = senderOf({ name: 'T', settings }, { ...deployment, LG_MAIL_DOMAINS: domains });

    expect(sender).toEqual({ from: { name: 'Radar', address }, replyTo });
  });

  test('is nobody of the deployment, whatever a tenant says: its own domain is its operator’s', () => {
    const pretending = { mail: { fromAddress: 'security@licenses.example' } };

    expect(senderOf({ name: 'T', settings: pretending }, deployment)).toEqual({
      from: { name: 'T', address: 'mail@licenses.example' },
      replyTo: 'security@licenses.example',
    });
  });

  test('is the deployment under the name of the company where the tenant says nothing', () => {
    const branding = { companyName: 'Radar\r\nBcc: x', supportEmail: 'help@radar.example' };

    expect(senderOf({ name: 'T', settings: {} }, deployment)).toEqual({
      from: { name: 'T', address: 'mail@licenses.example' },
      replyTo: undefined,
    });
    expect(senderOf({ name: 'T', settings: { branding } }, deployment)).toEqual({
      from: { name: 'Radar Bcc: x', address: 'mail@licenses.example' },
      replyTo: 'help@radar.example',
    });
  });
});
