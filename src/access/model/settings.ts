/**
 * What a tenant sets for itself: how it looks and is reached, from whom its mail comes, in which language and by which clock
 * people are written to, how long what is known of them is kept. Whatever it leaves out has a default, here or in the
 * deployment's settings.
 */
import { type Check, text } from '../../core/check.js';
import { type Amount, compareAmounts } from '../../core/money.js';
import type { FieldProblem } from '../../core/refusal.js';
import { isTimeZone } from '../../core/timeZone.js';
import type { FeatureFlags } from '../model.js';

/** Languages that mail is written in, as BCP 47 tags. */
export const languages = ['en', 'de', 'fr', 'es'] as const;
export type Language = (typeof languages)[number];

export const DEFAULT_LANGUAGE: Language = 'en';
export const DEFAULT_TIME_ZONE = 'UTC';
export const DEFAULT_COLOR = '#1f4e8c';

export interface Branding {
  /** The tenant's name where it is left out. */
  readonly companyName?: string;
  readonly companyAddress?: string;
  readonly logoUrl?: string;
  readonly primaryColor?: string;
  readonly portalUrl?: string;
  readonly activationUrl?: string;
  readonly termsUrl?: string;
  readonly supportEmail?: string;
  readonly supportPhone?: string;
}

export interface MailSettings {
  readonly fromName?: string;
  readonly fromAddress?: string;
  readonly replyTo?: string;
  /** Where mail goes that concerns the vendor's own people; the support address where it is left out. */
  readonly staffAddress?: string;
  /** Whether customers are reminded of what is due, unless they themselves are not to be. */
  readonly sendsReminders?: boolean;
}

export interface Retention {
  /** For how many days addresses and places of devices are kept. */
  readonly personalDataDays?: number;
  readonly eventDays?: number;
  readonly webhookDeliveryDays?: number;
}

/** A tax that is added to what is sold, as the vendor states it. */
export interface TaxSetting {
  readonly name: string;
  readonly percentage: Amount;
}

export interface InvoiceSettings {
  /** For how many days an invoice is open. */
  readonly dueDays?: number;
  /** Of the seller; it stands on invoices. */
  readonly taxId?: string;
  /** Of prices that name none of their own. */
  readonly taxes?: readonly TaxSetting[];
}

/** Of a tenant that has set none. */
export const DEFAULT_DUE_DAYS = 30;

export interface TenantSettings {
  readonly branding?: Branding;
  readonly mail?: MailSettings;
  readonly language?: Language;
  readonly timeZone?: string;
  readonly retention?: Retention;
  readonly invoices?: InvoiceSettings;
  /** Whether an order has to be approved by another person than ordered it. */
  readonly fourEyes?: boolean;
  /** Setting → feature: `graphql_enabled` ← `graphql_api`. A tenant that chose none has the default ones. */
  readonly featureFlags?: FeatureFlags;
}

const groups = ['branding', 'mail', 'retention', 'invoices'] as const;
type Group = (typeof groups)[number];

/** Changes: what is left out stays as it is, null takes a setting back to its default. */
type Changes<Of> = { readonly [Name in keyof Of]?: Of[Name] | null };
export interface SettingsChanges extends Changes<Pick<TenantSettings, 'language' | 'timeZone' | 'fourEyes'>> {
  readonly branding?: Changes<Branding> | null;
  readonly mail?: Changes<MailSettings> | null;
  readonly retention?: Changes<Retention> | null;
  readonly invoices?: Changes<InvoiceSettings> | null;
}

export const language: Check = (value) =>
  languages.some((known) => known === value) ? undefined : `must be one of ${languages.join(', ')}`;

export const timeZone: Check = (value) =>
  typeof value === 'string' && isTimeZone(value)
    ? undefined
    : 'must be a time zone of the IANA database, as Europe/Berlin';

export const color: Check = (value) =>
  typeof value === 'string' && /^#[0-9A-Fa-f]{6}$/.test(value) ? undefined : 'must be a color as #1f4e8c';

/** What turns the direction of text or is not seen at all would make a mail say something else than it shows. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

export function line(most: number): Check {
  const length = text(1, most);
  return (value) =>
    length(value) ??
    (UNSEEN.test(String(value)) ? 'must be one line, without characters that are not seen' : undefined);
}

/** As many taxes as are put on one thing that is sold. */
export const MOST_TAXES = 10;

/** From nothing to all of it once more. */
export const taxPercentage: Check = (value) =>
  typeof value === 'string' &&
  compareAmounts(value as Amount, '0' as Amount) >= 0 &&
  compareAmounts(value as Amount, '100' as Amount) <= 0
    ? undefined
    : 'must be a percentage from 0 to 100';

const breaks = /\r?\n/;

/** An address of a house: some lines. */
export const postalAddress: Check = (value) =>
  text(1, 500)(value) ??
  (String(value)
    .split(breaks)
    .some((part) => UNSEEN.test(part))
    ? 'must not have characters that are not seen'
    : undefined);

function readUrl(value: unknown): URL | undefined {
  return typeof value === 'string' && value.length <= 1000 && URL.canParse(value)
    ? new URL(value)
    : undefined;
}

const isOwnMachine = (host: string): boolean => host === 'localhost' || host === '127.0.0.1';

/** An address that people may be sent to: by https, unless it is their own machine. */
export const link: Check = (value) => {
  const url = readUrl(value);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isOwnMachine(url.hostname));
  if (url === undefined || !safe) return 'must be an address that begins with https://';
  return url.username === '' && url.password === '' ? undefined : 'must not hold a user or a password';
};

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

/** The members that are set, those of the change over those that were there. */
function merged(known: object, change: object): object {
  const all = Object.entries({ ...known, ...change });
  return Object.fromEntries(all.filter(([, value]) => value !== null && value !== undefined));
}

function mergedGroup(known: TenantSettings, change: SettingsChanges, group: Group): object {
  const wanted = change[group];
  return wanted === null ? {} : merged(known[group] ?? {}, wanted ?? {});
}

/** The settings after a change; groups without a member are left out. */
export function changedSettings(known: TenantSettings, change: SettingsChanges): TenantSettings {
  const all = { ...merged(known, change) };
  const grouped = groups.map((group) => [group, mergedGroup(known, change, group)] as const);
  const rest = Object.entries(all).filter(([name]) => !groups.some((group) => group === name));
  return Object.fromEntries([...rest, ...grouped.filter(([, members]) => !isEmpty(members))]);
}

type Flat = Readonly<Record<string, unknown>>;

/** Each setting by its path, as an event tells of it. */
function flat(settings: TenantSettings): Flat {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) =>
      groups.some((group) => group === name)
        ? Object.entries(value).map(([member, item]) => [`${name}.${member}`, item])
        : [[name, value]],
    ),
  );
}

/** What a change changes, before and after; undefined if it leaves everything as it was. */
export function settingsDifference(
  known: TenantSettings,
  next: TenantSettings,
): { readonly before: Flat; readonly after: Flat } | undefined {
  const [old, now] = [flat(known), flat(next)];
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const changed = names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name])).toSorted();
  const of = (all: Flat): Flat => Object.fromEntries(changed.map((name) => [name, all[name] ?? null]));
  return changed.length === 0 ? undefined : { before: of(old), after: of(now) };
}

/** Settings that say where people are reached. */
const aboutPeople = [
  'branding.companyAddress',
  'branding.supportEmail',
  'branding.supportPhone',
  'mail.fromAddress',
  'mail.replyTo',
  'mail.staffAddress',
];

/** The same as an event tells it: every name, and apart from the rest what was said of people. */
export function settingsTold({ before, after }: { readonly before: Flat; readonly after: Flat }) {
  const changed = Object.keys(after);
  const of = (all: Flat, isPersonal: boolean): Flat =>
    Object.fromEntries(Object.entries(all).filter(([name]) => aboutPeople.includes(name) === isPersonal));
  const data = { changed, before: of(before, false), after: of(after, false) };
  return changed.some((name) => aboutPeople.includes(name))
    ? { data, personal: { before: of(before, true), after: of(after, true) } }
    : { data };
}

/** A change that names nothing is a mistake. */
export function emptyChange(change: SettingsChanges): FieldProblem[] {
  const names = ['branding', 'mail', 'retention', 'invoices', 'language', 'timeZone', 'fourEyes'] as const;
  return names.some((name) => change[name] !== undefined)
    ? []
    : [{ field: 'input', message: 'names nothing to change' }];
}

/** The settings as they are shown: what is set, and the defaults that no deployment changes. */
export function shownSettings({ branding, mail, retention, invoices, ...rest }: TenantSettings) {
  return {
    branding: branding ?? {},
    mail: { sendsReminders: true, ...mail },
    retention: retention ?? {},
    invoices: { dueDays: DEFAULT_DUE_DAYS, taxes: [], ...invoices },
    language: rest.language ?? DEFAULT_LANGUAGE,
    timeZone: rest.timeZone ?? DEFAULT_TIME_ZONE,
    fourEyes: rest.fourEyes ?? false,
  };
}
