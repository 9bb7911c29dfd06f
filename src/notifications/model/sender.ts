import type { TenantSettings } from '../../access/model/settings.js';
import { plainLine } from './letters.js';

/** What the deployment says of where mail may come from. */
export interface SenderSettings {
  readonly LG_MAIL_FROM?: string | undefined;
  /** `tenant=domain`, or a domain alone. */
  readonly LG_MAIL_DOMAINS: readonly string[];
}

interface SendingTenant {
  readonly id: string;
  readonly name: string;
  readonly settings: TenantSettings;
}

const domainOf = (address: string): string => (address.split('@').at(-1) ?? '').toLowerCase();

/** Whether it matters how many tenants there are: some domain names none. */
export function namesNoTenant({ LG_MAIL_DOMAINS: entries }: SenderSettings): boolean {
  return entries.some((entry) => !entry.includes('='));
}

/** The domains that are a tenant's: those that name it, and those that name none while it is the only one. */
function domainsOf(id: string, entries: readonly string[], isOnlyTenant: boolean): string[] {
  return entries.flatMap((entry) => {
    const [domain = '', tenant] = entry.split('=').toReversed();
    return (tenant === undefined ? isOnlyTenant : tenant === id) ? [domain] : [];
  });
}

/**
 * From whom a tenant's mail comes: its own address where the domain is the tenant's, else the deployment's under the tenant's
 * name, with its own to answer to. One tenant cannot write in the name of a domain that is somebody else's: another tenant's
 * customers would believe it, and the deployment's own is its operator's.
 */
export function senderOf(
  { id, name, settings }: SendingTenant,
  config: SenderSettings,
  isOnlyTenant: boolean,
) {
  const { fromName, fromAddress, replyTo } = settings.mail ?? {};
  const fallback = config.LG_MAIL_FROM ?? '';
  const own = domainsOf(id, config.LG_MAIL_DOMAINS, isOnlyTenant);
  const isAllowed = fromAddress !== undefined && (own.includes('*') || own.includes(domainOf(fromAddress)));
  const address = isAllowed ? fromAddress : fallback;
  const answers = replyTo ?? (isAllowed ? undefined : fromAddress) ?? settings.branding?.supportEmail;
  return {
    from: { name: plainLine(fromName ?? settings.branding?.companyName ?? name), address },
    replyTo: answers === address ? undefined : answers,
  };
}
