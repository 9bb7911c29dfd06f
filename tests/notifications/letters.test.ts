import { describe, expect, test } from 'vitest';
import { type Language, languages } from '../../src/access/model/settings.js';
import { addDays } from '../../src/core/clock.js';
import {
  failureOf,
  type Letter,
  maskedLetter,
  plainLine,
  type ToldFailure,
  toldFailures,
} from '../../src/notifications/model/letters.js';
import {
  MOST_ATTEMPTS,
  mailKinds,
  messageIdAgain,
  nextAttemptAt,
  settled,
} from '../../src/notifications/model/mail.js';
import { senderOf } from '../../src/notifications/model/sender.js';
import { inkOn } from '../../src/notifications/templates/LetterPage.js';
import { renderLetter } from '../../src/notifications/templates/render.js';
import { sampleLetter } from '../../src/notifications/templates/samples.js';
import { words } from '../../src/notifications/templates/words.js';
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
  LICENSE_REVOKED: ['A1B2-****-****-****-I9J0', 'The order was taken back'],
  LICENSE_RENEWED: ['A1B2-****-****-****-I9J0', 'INV-2026-000017', '2027'],
  RENEWAL_FAILED: ['A1B2-****-****-****-I9J0', 'INV-2026-000017', '2', '4'],
  VIOLATION_DETECTED: ['12 devices are active on 10 seats', 'Ada Okafor', 'A1B2-****-****-****-I9J0'],
  ORDER_FULFILLED: ['ORD-2026-000042', 'Radar Professional', 'K1L2-****-****-****-S9T0', 'Grace Moreau'],
  ORDER_REFUNDED: ['ORD-2026-000042', 'Radar Professional', '25'],
  ORDER_STOPPED: ['ORD-2026-000042', 'Radar Professional', '250', '750', 'INTERNAL_SERVER_ERROR'],
  BULK_ISSUE_FAILED: ['0199a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b', '500', '3', '247', 'INTERNAL_SERVER_ERROR'],
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
    const tried = { attempts: 1, unreached: 0, since: START };

    expect(settled({ outcome: 'REFUSED', reason: '550 no' }, tried, START)).toEqual({
      status: 'FAILED',
      unreached: 0,
      sentAt: null,
      nextAttemptAt: null,
      reason: '550 no',
    });
  });
});

describe('attempts that find no mail server', () => {
  const unreachable = { outcome: 'UNREACHABLE' } as const;

  test('are made every quarter of an hour for fourteen days, and count for none', () => {
    const standing = (days: number, unreached: number) =>
      settled(unreachable, { attempts: unreached + 1, unreached, since: START }, addDays(START, days));

    expect(standing(0, 0)).toMatchObject({ unreached: 1, nextAttemptAt: '2026-03-01T12:01:00.000Z' });
    expect(standing(0, 2)).toMatchObject({ unreached: 3, nextAttemptAt: '2026-03-01T12:15:00.000Z' });
    expect(standing(13, 1200)).toMatchObject({
      status: 'PENDING',
      nextAttemptAt: '2026-03-14T12:15:00.000Z',
    });
    expect(standing(14, 1300)).toMatchObject({
      status: 'FAILED',
      nextAttemptAt: null,
      reason: 'The mail server could not be reached.',
    });
  });

  test('leave those that were put off their ten', () => {
    const later = { outcome: 'LATER', reason: '451 busy' } as const;

    expect(settled(later, { attempts: 501, unreached: 500, since: START }, START)).toMatchObject({
      status: 'PENDING',
      unreached: 500,
      nextAttemptAt: '2026-03-01T12:01:00.000Z',
    });
    expect(settled(later, { attempts: 510, unreached: 500, since: START }, START).status).toBe('FAILED');
  });
});

describe('why a charge came to nothing', () => {
  const said = (reason: ToldFailure, language: Language): string => {
    const sample = sampleLetter('RENEWAL_FAILED', START);
    const letter = { ...sample, facts: { ...sample.facts, reason } } as Letter;
    return renderLetter(letter, { language, timeZone: 'UTC' }).text;
  };

  test.each(languages)('is told in %s in words of its own, each code by another sentence', (language) => {
    const sentences = toldFailures.map((reason) => words[language].renewalFailures[reason]);

    expect(new Set(sentences).size).toBe(toldFailures.length);
    for (const [index, reason] of toldFailures.entries())
      expect(said(reason, language)).toContain(sentences[index]);
  });

  test('is no word of the processor: a code that nobody knows says that it did not go through', () => {
    expect(failureOf('CARD_EXPIRED')).toBe('CARD_EXPIRED');
    expect([failureOf('<b>stolen_card</b>'), failureOf(null)]).toEqual(['OTHER', 'OTHER']);
    expect(said('OTHER', 'en')).toContain('The payment did not go through.');
  });

  test.each([
    [
      'it is tried again, and not over',
      {},
      [
        'Please check the means of payment. It is tried again on March 4, 2026',
        'Without a renewal it expires on March 8, 2026. Devices that are active work until April 7, 2026',
      ],
    ],
    [
      'it is not tried again, and has no grace',
      { nextAttemptAt: null, graceEndDate: null },
      [
        'It is not tried again. Please renew the license yourself',
        'expires on March 8, 2026 and cannot be used from then on.',
      ],
    ],
    [
      'it is over',
      { expiryDate: addDays(START, -2) },
      ['The license expired on February 27, 2026. Devices that are active work until April 7, 2026'],
    ],
  ])('says what happens next where %s', (_what, facts, sentences) => {
    const sample = sampleLetter('RENEWAL_FAILED', START);
    const letter = { ...sample, facts: { ...sample.facts, ...facts } } as Letter;

    const { text } = renderLetter(letter, { language: 'en', timeZone: 'UTC' });

    for (const sentence of sentences) expect(text).toContain(sentence);
  });
});

test.each([
  ['with a portal', true, 'There are 10,000 of them; the portal shows each with its key.'],
  ['without one', false, 'There are 10,000 of them. Please ask us for their keys.'],
])('an order of more licenses than are read says how many, %s', (_what, hasPortal, sentence) => {
  const sample = sampleLetter('ORDER_FULFILLED', START);
  const facts = { ...sample.facts, quantity: 10_000, licenses: [], licenseCount: 10_000 };
  const { portalUrl: _, ...withoutPortal } = sample.company;
  const letter = { ...sample, facts, company: hasPortal ? sample.company : withoutPortal } as Letter;

  const { text } = renderLetter(letter, { language: 'en', timeZone: 'UTC' });

  expect(text).toContain(sentence);
  expect(text.includes('Open the portal: https://portal.example.com\n')).toBe(hasPortal);
  expect(text).not.toContain('****');
});

test('a Message-ID of a mail that is sent again is another one, and stays one of its domain', () => {
  expect(messageIdAgain('<a-b@x.example>', 1)).toBe('<a-b.1@x.example>');
  expect(messageIdAgain('<a-b.1@x.example>', 2)).toBe('<a-b.2@x.example>');
});

describe('the sender', () => {
  const settings = { mail: { fromAddress: 'hello@radar.example', fromName: 'Radar' } };
  const deployment = { LG_MAIL_FROM: 'mail@licenses.example', LG_MAIL_DOMAINS: [] as string[] };

  test.each([
    ['nobody may send for', [], 'mail@licenses.example', 'hello@radar.example'],
    ['the deployment gives to it', ['radar=radar.example'], 'hello@radar.example', undefined],
    ['is one of all that it may use', ['radar=*'], 'hello@radar.example', undefined],
    ['is given to somebody else', ['other=radar.example'], 'mail@licenses.example', 'hello@radar.example'],
    ['is named for nobody', ['radar.example', '*'], 'mail@licenses.example', 'hello@radar.example'],
    [
      'only looks like one',
      ['radar=adar.example', 'radar=example'],
      'mail@licenses.example',
      'hello@radar.example',
    ],
  ])('of a tenant whose domain %s', (_what, domains, address, replyTo) => {
    const sender = senderOf(
      { id: 'radar', name: 'T', settings },
      { ...deployment, LG_MAIL_DOMAINS: domains },
      false,
    );

    expect(sender).toEqual({ from: { name: 'Radar', address }, replyTo });
  });

  test.each([['radar.example'], ['*']])(
    'of the only tenant there is may use %s, which names nobody',
    (domain) => {
      const sender = senderOf(
        { id: 'radar', name: 'T', settings },
        { ...deployment, LG_MAIL_DOMAINS: [domain] },
        true,
      );

      expect(sender.from.address).toBe('hello@radar.example');
    },
  );

  test('is nobody of the deployment, whatever a tenant says: its own domain is its operator’s', () => {
    const pretending = { mail: { fromAddress: 'security@licenses.example' } };

    expect(senderOf({ id: 'radar', name: 'T', settings: pretending }, deployment, true)).toEqual({
      from: { name: 'T', address: 'mail@licenses.example' },
      replyTo: 'security@licenses.example',
    });
  });

  test('is the deployment under the name of the company where the tenant says nothing', () => {
    const branding = { companyName: 'Radar\r\nBcc: x', supportEmail: 'help@radar.example' };

    expect(senderOf({ id: 'radar', name: 'T', settings: {} }, deployment, true)).toEqual({
      from: { name: 'T', address: 'mail@licenses.example' },
      replyTo: undefined,
    });
    expect(senderOf({ id: 'radar', name: 'T', settings: { branding } }, deployment, true)).toEqual({
      from: { name: 'Radar Bcc: x', address: 'mail@licenses.example' },
      replyTo: 'help@radar.example',
    });
  });
});
