import { instant } from '../../src/core/clock.js';
import { openPresence } from '../../src/jobs/presence.js';
import { lossesOf } from '../../src/jobs/tasks.js';
import { mutation } from './acts.js';
import { createLicense, createProduct, createTemplate, issueLicense, type Shop } from './fixtures.js';
import { OPEN } from './inbound.js';
import type { Random } from './random.js';
import { writesOwners } from './renewing.js';
import { type Claims, type Json, startTestServer, type TestServer } from './server.js';
import type { MailServer } from './smtp.js';
import { StripeServer } from './stripeServer.js';
import { YearBank } from './yearBank.js';
import { type Card, DAY, HOUR, type Holder, MINUTE, type Terms } from './yearCards.js';
import type { Weather } from './yearLedger.js';
import { Year } from './yearModel.js';
import { type Offer, offers } from './yearPrices.js';
import { PATIENCE_SECONDS, type Wallet, wallets } from './yearWallets.js';

const TAXES = [
  { name: 'VAT', percentage: '19' },
  { name: 'Levy', percentage: '2.5' },
];
const HOUSE = { language: 'fr', timeZone: 'Europe/Paris', staff: 'desk@example.com', taxes: TAXES };

/** Across the date line, with summer time in the north and the south, by half hours, and as the house has it. */
const people: readonly Omit<Holder, 'id' | 'wallet' | 'isOff'>[] = [
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

const SOMEBODY = people[0] as (typeof people)[number];

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
  readonly offers = offers();
  readonly bank: YearBank;
  /** When a process died over what was due. */
  readonly deaths = new Set<string>();
  #looks = 0;
  /** How often the processor had been asked for anything before whoever asks it now. */
  #askedBefore = 0;
  #current: TestServer;
  #shop: Shop | undefined;

  private constructor(
    readonly base: TestServer,
    readonly post: MailServer,
    readonly stripe: StripeServer,
    readonly random: Random,
    readonly admin: Claims,
  ) {
    this.#current = base;
    this.bank = new YearBank(stripe);
  }

  static async open(base: TestServer, post: MailServer, random: Random): Promise<YearWorld> {
    const stripe = await StripeServer.open();
    writesOwners(stripe, base.sql);
    const world = new YearWorld(base, post, stripe, random, await base.tenant());
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
    this.stripe.now = at;
  }

  #act(name: string, selection: string, input: object): Promise<Json> {
    return this.#current.ok(mutation(name, selection), { input }, this.admin);
  }

  async #settle(): Promise<void> {
    const { language, timeZone, staff, taxes } = HOUSE;
    // Nothing is erased before the year is compared: what is kept of people, and how long, has its own tests.
    const retention = { personalDataDays: 800 };
    const settings = { language, timeZone, retention, mail: { staffAddress: staff }, invoices: { taxes } };
    await this.#act('updateTenantSettings', '__typename', settings);
    const productId = await createProduct(this.#current, this.admin);
    // Somebody pays in each way, and one who has nothing to be charged.
    const shift = this.random.below(wallets.length);
    for (let count = 0; count <= wallets.length; count += 1)
      await this.#welcome(count, count === 0 ? undefined : wallets[(count + shift) % wallets.length]);
    this.#shop = { admin: this.admin, productId, templateId: '', customerId: '' };
    for (const offer of this.offers) await this.#offer(offer, productId);
  }

  async #welcome(count: number, wallet: Wallet | undefined): Promise<void> {
    const { email, language, timeZone, wantsReminders } = people[count % people.length] ?? SOMEBODY;
    const address = email === null ? null : `${count}-${email}`;
    const input = {
      name: 'Ada Okafor',
      language,
      timeZone,
      receivesReminders: wantsReminders,
      ...(address === null ? {} : { email: address }),
    };
    const made = await this.#act('createCustomer', 'customer { id }', input);
    const id = String(made.createCustomer?.customer?.id);
    this.holders.push({ id, email: address, language, timeZone, wantsReminders, wallet, isOff: false });
    if (wallet !== undefined) await this.#act('setPaymentMethod', '__typename', paymentMethod(id, wallet));
  }

  async #offer(offer: Offer, productId: string): Promise<void> {
    const { licenseType, licenseModel, days: defaultDuration, graceDays, seats, cycle, currency } = offer;
    const { base: basePrice, seat: perSeatPrice, discount } = offer;
    const tier = { minQuantity: 1, discountPercentage: discount };
    offer.templateId = await createTemplate(this.#current, this.admin, productId, {
      ...{ templateName: `${currency} ${cycle}`, licenseType, licenseModel, defaultDuration },
      ...{ gracePeriodDays: graceDays, maxActivations: seats, autoRenewalEnabled: true },
      pricing: {
        ...{ basePrice, perSeatPrice, currency, billingCycle: cycle, setupFee: '49' },
        ...(discount === undefined ? {} : { volumeDiscounts: [tier] }),
      },
    });
  }

  /** One more license: of five two are of the price list, the others every type with every model in turn. */
  issue(): Promise<Card> {
    const { length } = this.year.cards;
    return length % 5 > 2 ? this.#sell(length) : this.#make(length);
  }

  async #sell(count: number): Promise<Card> {
    const { random, now } = this;
    const [offer, holder] = [random.pick(this.offers), random.pick(this.#buyers)];
    const { templateId, licenseType, graceDays } = offer;
    const shop = { ...this.#known, templateId, customerId: holder.id };
    const { id, licenseKey } = await issueLicense(this.#current, shop);
    const until = now + offer.days * DAY;
    const terms = {
      name: `L${count} ${licenseType}`,
      id,
      licenseKey,
      isTrial: false,
      issuedAt: now,
      trialDays: 0,
    };
    return this.#card({ ...terms, graceDays, offer }, { holder, renewsItself: true }, until, until);
  }

  /** Whoever is switched off is sold nothing. */
  get #buyers(): Holder[] {
    return this.holders.filter(({ isOff }) => !isOff);
  }

  get #known(): Shop {
    if (this.#shop === undefined) throw new Error('there is no product yet');
    return this.#shop;
  }

  async #make(count: number): Promise<Card> {
    const { random, now } = this;
    const kind = count - 2 * Math.floor(count / 5);
    const licenseType = TYPES[kind % TYPES.length] ?? 'SUBSCRIPTION';
    const licenseModel = MODELS[Math.floor(kind / TYPES.length) % MODELS.length];
    const isTrial = licenseType === 'TRIAL' || licenseType === 'EVALUATION';
    const ends = !isTrial && licenseType !== 'PERPETUAL' && random.chance(0.95);
    const later = (days: number): number => now + HOUR + random.below(days * 24 * 60) * MINUTE;
    const [expiresAt, maintainedUntil] = [
      ends ? later(150) : undefined,
      random.chance(0.7) ? later(200) : undefined,
    ];
    const [graceDays, trialDays] = [random.pick(GRACES), isTrial ? 1 + random.below(45) : undefined];
    const holder = random.chance(0.95) ? random.pick(this.#buyers) : undefined;
    const renewsItself = random.chance(0.3);
    const { id, licenseKey } = await createLicense(this.#current, this.#known, {
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
    const terms = {
      name,
      id,
      licenseKey,
      isTrial,
      issuedAt: now,
      trialDays: trialDays ?? 0,
      offer: undefined,
    };
    const held = { holder, renewsItself };
    return this.#card({ ...terms, graceDays: graceDays ?? 0 }, held, expiresAt, maintainedUntil);
  }

  #card(
    terms: Terms,
    held: Pick<Card, 'holder' | 'renewsItself'>,
    expiresAt?: number,
    maintainedUntil?: number,
  ): Card {
    const card: Card = {
      ...terms,
      ...held,
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
      begun: new Set(),
      bills: [],
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
    const mail = { LG_SMTP_URL: this.post.url, LG_MAIL_FROM: 'mail@licenses.example' };
    const environment = {
      ...mail,
      ...OPEN,
      ...this.stripe.environment,
      LG_STRIPE_SECONDS: String(PATIENCE_SECONDS),
    };
    const server = await startTestServer({ beside: this.base, environment });
    server.now = now;
    const { queued, scheduled } = server.jobs.list;
    server.jobs.list = { queued, scheduled: scheduled.filter(({ job }) => JOBS.test(job.name)) };
    this.#current = server;
    const { surroundings, list } = server.jobs;
    const presence = openPresence(server.url, surroundings.log, lossesOf(surroundings, list));
    await presence.rescue();
    await presence.end();
  }

  /** Whoever does what is due gets as far as some of its writes, and another comes after it. */
  async #kill(): Promise<void> {
    this.deaths.add(this.#current.now);
    const { sql } = this.base;
    const triggers = ['license_event_logs', 'notifications', 'archived_activations'];
    await sql.unsafe(breaking(this.random.below(12)));
    for (const table of triggers) await sql.unsafe(BREAKS.replaceAll('TABLE', table));
    await this.#run();
    for (const table of triggers) await sql.unsafe(`drop trigger breaks on ${table}`);
    await sql`drop sequence year_writes`;
    await this.restart();
  }

  /** What lapses is told before what goes on: which of the two comes first, where both are due, is left to chance. */
  async #run(): Promise<void> {
    const { jobs } = this.#current;
    const { queued, scheduled } = jobs.list;
    jobs.list = { queued, scheduled: scheduled.filter(({ job }) => job.name !== 'license.renew') };
    await jobs.drain();
    jobs.list = { queued, scheduled };
    await jobs.drain();
  }

  /** The queue is looked after, and not the clock. */
  readonly work = async (isRefundAsked = false): Promise<void> => {
    const { jobs } = this.#current;
    const { queued, scheduled } = jobs.list;
    jobs.list = { queued, scheduled: [] };
    this.#settleBank();
    await jobs.drain();
    jobs.list = { queued, scheduled };
    this.year.work(this.now, await this.#weather(false), isRefundAsked);
  };

  /** What is to be paid is looked after, and nothing else: of what is asked for at once any may come first. */
  readonly renew = async (): Promise<void> => {
    const { random, bank } = this;
    const [payer, charge, refund] = [0, 1, 2].map(() => random.pick([0, 15, 60]));
    this.#settleBank();
    bank.takes = { payer: payer ?? 0, charge: charge ?? 0, refund: refund ?? 0 };
    await this.#current.jobs.run('license.renew');
    bank.takes = { payer: 0, charge: 0, refund: 0 };
    this.year.till.look(this.now, await this.#weather(false));
  };

  /** What slow banks know by now. */
  #settleBank(): void {
    this.bank.settle();
    this.#askedBefore = this.stripe.asked.length;
  }

  /** Licenses whose bills, by their place, the processor was asked to charge for just now. */
  async #asked(): Promise<ReadonlySet<string>> {
    const invoices = this.stripe.asked
      .slice(this.#askedBefore)
      .filter(({ method, path }) => method === 'POST' && path === '/v1/payment_intents')
      .map(({ form }) => new URLSearchParams(form).get('metadata[invoice_id]'));
    if (invoices.length === 0) return new Set();
    const rows = await this.base.sql`select id, license_id, place from (
        select id, license_id, row_number() over (partition by license_id order by created_at, id) - 1 as place
          from invoices where tenant_id = ${this.admin.tenant_id}) as bill
      where id = any(${invoices}::text[])`;
    return new Set(rows.map(({ license_id, place }) => `${license_id} ${place}`));
  }

  /** From which end each license was renewed that was renewed just now. */
  async #renewed(): Promise<readonly (readonly [string, string])[]> {
    const rows = await this.base.sql`select license_id, event_data ->> 'from' as ended from license_event_logs
      where tenant_id = ${this.admin.tenant_id} and event_type = 'license.renewed' and created_at = ${this.server().now}`;
    return rows.map(({ license_id, ended }) => [String(license_id), ended ?? 'never']);
  }

  /** What has no answer yet, of each license by its bill in their order; and when it is asked for again. */
  async #unanswered(): Promise<ReadonlyMap<string, number>> {
    const rows = await this.base.sql`select license_id, place, kind, ask_at from (
        select id, tenant_id, license_id, row_number() over (partition by license_id order by created_at, id) - 1 as place
          from invoices where tenant_id = ${this.admin.tenant_id}
      ) as bill join charges on charges.tenant_id = bill.tenant_id and charges.invoice_id = bill.id
      where charges.ask_at is not null`;
    return new Map(
      rows.map(({ license_id, place, kind, ask_at }) => [`${license_id} ${place} ${kind}`, ask_at.getTime()]),
    );
  }

  async #weather(hasDied: boolean): Promise<Weather> {
    const { isDown } = this.stripe;
    const unanswered = hasDied || isDown ? await this.#unanswered() : new Map<string, number>();
    const [asked, renewed] = [await this.#asked(), await this.#renewed()];
    return {
      isDown,
      wasAsked: (card, bill) => asked.has(`${card.id} ${card.bills.indexOf(bill)}`),
      renewedFrom: ({ id }) => renewed.filter(([license]) => license === id).map(([, end]) => end),
      leftUntil: (card, bill, what) => unanswered.get(`${card.id} ${card.bills.indexOf(bill)} ${what}`),
    };
  }

  /** Somebody looks after what is due, in the model and here. */
  async look(): Promise<void> {
    this.#looks += 1;
    this.#settleBank();
    const dies = this.#looks % 20 === 7;
    if (dies) await this.#kill();
    else if (this.random.chance(0.03)) await this.restart();
    await this.#run();
    this.year.look(this.now, await this.#weather(dies));
  }

  async end(): Promise<void> {
    if (this.#current !== this.base) await this.#current.stop();
    await this.stripe.stop();
  }
}

/** What is entered of whoever pays so. */
export function paymentMethod(customerId: string, wallet: Wallet): object {
  const stripeCustomer = `cus_${customerId.replaceAll('-', '')}`;
  return { customerId, stripeCustomer, stripePaymentMethod: `pm_${wallet}_4242`, label: wallet };
}

/** How far the clock goes at once: as a rule a day or two, sometimes weeks in which nothing ran. */
export function nextStep(random: Random): number {
  const minutes = random.below(24 * 60) * MINUTE;
  if (random.chance(0.03)) return (3 + random.below(38)) * DAY + minutes;
  return random.pick([0, 1, 1, 2, 3, 9]) * DAY + minutes;
}
