import type { TenantSettings } from '../../access/model/settings.js';
import { plainLine } from './letters.js';

/** What the deployment says of where mail may come from. */
interface SenderSettings {
  readonly LG_MAIL_FROM?: string | undefined;
  readonly LG_MAIL_DOMAINS: readonly string[];
}

interface SendingTenant {
  readonly name: string;
  readonly settings: TenantSettings;
}

const domainOf = (address: string): string => (address.split('@').at(-1) ?? '').toLowerCase();

/**
 * From whom a tenant's mail comes: its own address where the deployment may send for that domain, else the deployment's under
 * the tenant's name, with its own to answer to. One tenant cannot write in the name of a domain that is somebody else's: the
 * deployment's own is its operator's, whose people would be believed.
 */
export function senderOf({ name, settings }: SendingTenant, config: SenderSettings) {
  const { fromName, fromAddress, replyTo } = settings.mail ?? {};
  const fallback = config.LG_MAIL_FROM ?? '';
  const { LG_MAIL_DOMAINS: allowed } = config;
  const isAllowed =
    fromAddress !== undefined && (allowed.includes('*') || allowed.includes(domainOf(fromAddress)));
  const address = isAllowed ? fromAddress : fallback;
  const answers = replyTo ?? (isAllowed ? undefined : fromAddress) ?? settings.branding?.supportEmail;
  return {
    from: { name: plainLine(fromName ?? settings.branding?.companyName ?? name), address },
    replyTo: answers === address ? undefined : answers,
  };
}
