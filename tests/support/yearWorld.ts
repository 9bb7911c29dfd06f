import { instant } from '../../src/core/clock.js';
import { openPresence } from '../../src/jobs/presence.js';
import { mutation } from './acts.js';
import { createLicense, createProduct, type Shop } from './fixtures.js';
import type { Random } from './random.js';
import { type Claims, type Json, startTestServer, type TestServer } from './server.js';
import type { MailServer } from './smtp.js';
import { type Card, DAY, HOUR, type Holder, MINUTE, type Terms, Year } from './yearModel.js';

const HOUSE = { language: 'fr', timeZone: 'Europe/Paris' };

/** Across the date line, with summer time in the north and the south, by half hours, and as the house has it. */
const people: readonly Omit<Holder, 'id'>[] = [
  { email: 'line@example.com', language: 'en', timeZone: 'Pacific/Kiritimati', wantsReminders: true },
  { email: 'behind@example.com', language: 'es', timeZone: 'Pacific/Pago_Pago', wantsReminders: true },
  { email: 'berlin@example.com', language: 'de', timeZone: 'Europe/Berlin', wantsReminders: true },
  { email: 'york@example.com', language: 'en', timeZone: 'America/New_York', wantsReminders: true },
  { email: 'howe@example.com', language: null, timeZone: 'Australia/Lord_Howe', wantsReminders: true },
  { email: 'delhi@example.com', language: 'en', timeZone: 'Asia/Kolkata', wantsReminders: true },
  { email: 'house@example.com', language: null, timeZone: null, wantsReminders: true },
  { email: 'quiet@example.com', language: 'de', timeZone: 'Asia/Tokyo', wantsReminders: false },
  { email: null, language: 'fr', timeZone: 'America/St_Johns', wantsReminders: true },
];

const TYPES = ['PERPETUAL', 'SUBSCRIPTION', 'TRIAL', 'EVALUATION', 'CONCURRENT', 'NAMED_USER'] as const;
const MODELS = ['PER_SEAT', 'PER_DEVICE', 'PER_CPU', 'PER_CORE', 'SITE_LICENSE', 'ENTERPRISE'] as const;
const GRACES = [undefined, 0, 1, 7, 14, 30] as const;

/** Of what is compared: the other jobs of the schedule have their own tests, and would take the time of this one. */
const JOBS = /^(license\.|mail\.|activation\.archive)/;

/** From one write of a run on, none succeeds any more, as for a process that has died: what it had begun is undone. */
const breaking = (writes: number): string => `create sequence year_writes;
  create or replace function year_breaks() returns trigger language plpgsql security definer as $$ begin
    if nextval('year_writes') > ${writes} then raise exception 'it died here'; end if;
    return null;
  end $$`;
const BREAKS =
  'create trigger breaks after insert or update on TABLE for each statement execute function year_breaks()';

/** A tenant that is run through a year, on servers that come and go. */
export class YearWorld {
  readonly year = new Year({ ...HOUSE });
  readonly holders: Holder[] = [];
  #looks = 0;
  #current: TestServer;
  #shop: Shop | undefined;

  private constructor(
    readonly base: TestServer,
    readonly post: MailServer,
    readonly random: Random,
    readonly admin: Claims,
  ) {
    this.#current = base;
  }

  static async open(base: TestServer, post: MailServer, random: Random): Promise<YearWorld> {
    const world = new YearWorld(base, post, random, await base.tenant());
    await world.restart();
    await world.#settle();
    return world;
  }

  readonly server = (): TestServer => this.#current;

  get now(): number {
    return Date.parse(this.#current.now);
  }

  set now(at: number) {
    this.#current.now = instant(at);
  }

  #act(name: string, selection: string, input: object): Promise<Json> {
    return this.#current.ok(mutation(name, selection), { input }, this.admin);
  }

  async #settle(): Promise<void> {
    // Nothing is erased before the year is compared: what is kept of people, and how long, has its own tests.
    const retention = { personalDataDays: 800 };
    await this.#act('updateTenantSettings', '__typename', { ...HOUSE, retention });
    const productId = await createProduct(this.#current, this.admin);
    for (const { email, language, timeZone, wantsReminders } of people) {
      const input = {
        name: 'Ada Okafor',
        language,
        timeZone,
        receivesReminders: wantsReminders,
        ...(email === null ? {} : { email }),
      };
      const made = await this.#act('createCustomer', 'customer { id }', input);
      const id = String(made.createCustomer?.customer?.id);
      this.holders.push({ id, email, language, timeZone, wantsReminders });
    }
    this.#shop = { admin: this.admin, productId, templateId: '', customerId: '' };
  }

  /** One more license, every type with every model in turn. */
  async issue(): Promise<Card> {
    const { random, now } = this;
    const count = this.year.cards.length;
    const licenseType = TYPES[count % TYPES.length] ?? 'SUBSCRIPTION';
    const licenseModel = MODELS[Math.floor(count / TYPES.length) % MODELS.length];
    const isTrial = licenseType === 'TRIAL' || licenseType === 'EVALUATION';
    const ends = !isTrial && licenseType !== 'PERPETUAL' && random.chance(0.95);
    const later = (days: number): number => now + HOUR + random.below(days * 24 * 60) * MINUTE;
    const [expiresAt, maintainedUntil] = [
      ends ? later(150) : undefined,
      random.chance(0.7) ? later(200) : undefined,
    ];
    const [graceDays, trialDays] = [random.pick(GRACES), isTrial ? 1 + random.below(45) : undefined];
    const holder = random.chance(0.95) ? random.pick(this.holders) : undefined;
    const renewsItself = random.chance(0.3);
    if (this.#shop === undefined) throw new Error('there is no product yet');
    const { id, licenseKey } = await createLicense(this.#current, this.#shop, {
      licenseType,
      licenseModel,
      maxActivations: 1000,
      autoRenewal: renewsItself,
      customerId: holder?.id,
      expiryDate: expiresAt === undefined ? undefined : instant(expiresAt),
      maintenanceExpiry: maintainedUntil === undefined ? undefined : instant(maintainedUntil),
      gracePeriodDays: graceDays,
      trialPeriodDays: trialDays,
    });
    const name = `L${count} ${licenseType}`;
    const terms = { name, id, licenseKey, isTrial, issuedAt: now, trialDays: trialDays ?? 0, renewsItself };
    return this.#card({ ...terms, graceDays: graceDays ?? 0 }, holder, expiresAt, maintainedUntil);
  }

  #card(terms: Terms, holder: Holder | undefined, expiresAt?: number, maintainedUntil?: number): Card {
    const card: Card = {
      ...terms,
      holder,
      expiresAt,
      maintainedUntil,
      switchedOff: false,
      waits: terms.isTrial,
      heldBack: false,
      revoked: false,
      putOffAt: undefined,
      toldExpired: undefined,
      toldOver: undefined,
      reminded: new Map(),
      unrenewed: new Set(),
      devices: [],
    };
    this.year.cards.push(card);
    this.year.mailNext(card, 'LICENSE_ISSUED');
    return card;
  }

  /** Another server takes over, on the same database; jobs in the hands of the one before are freed. */
  async restart(): Promise<void> {
    const before = this.#current;
    const { now } = before;
    if (before !== this.base) await before.stop();
    const environment = { LG_SMTP_URL: this.post.url, LG_MAIL_FROM: 'mail@licenses.example' };
    const server = await startTestServer({ beside: this.base, environment });
    server.now = now;
    const { queued, scheduled } = server.jobs.list;
    server.jobs.list = { queued, scheduled: scheduled.filter(({ job }) => JOBS.test(job.name)) };
    this.#current = server;
    const presence = openPresence(server.url, server.jobs.surroundings.log);
    await presence.rescue();
    await presence.end();
  }

  /** Whoever does what is due gets as far as some of its writes, and another comes after it. */
  async #kill(): Promise<void> {
    const { sql } = this.base;
    const triggers = ['license_event_logs', 'notifications', 'archived_activations'];
    await sql.unsafe(breaking(this.random.below(12)));
    for (const table of triggers) await sql.unsafe(BREAKS.replaceAll('TABLE', table));
    await this.#current.jobs.drain();
    for (const table of triggers) await sql.unsafe(`drop trigger breaks on ${table}`);
    await sql`drop sequence year_writes`;
    await this.restart();
  }

  /** Somebody looks after what is due, in the model and here. */
  async look(): Promise<void> {
    this.#looks += 1;
    if (this.#looks % 20 === 7) await this.#kill();
    else if (this.random.chance(0.03)) await this.restart();
    await this.#current.jobs.drain();
    this.year.look(this.now);
  }

  async end(): Promise<void> {
    if (this.#current !== this.base) await this.#current.stop();
  }
}

/** How far the clock goes at once: as a rule a day or two, sometimes weeks in which nothing ran. */
export function nextStep(random: Random): number {
  const minutes = random.below(24 * 60) * MINUTE;
  if (random.chance(0.03)) return (3 + random.below(38)) * DAY + minutes;
  return random.pick([0, 1, 1, 2, 3, 9]) * DAY + minutes;
}
