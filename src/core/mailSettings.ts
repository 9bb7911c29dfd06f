import { z } from 'zod';
import { mailAddress } from './check.js';
import { list, setting } from './setting.js';

const isSmtpUrl = (value: string): boolean =>
  /^smtps?:\/\/[^/]/.test(value) && URL.canParse(value) && new URL(value).hostname !== '';
/** A domain alone, or whose it is: `tenant=domain`. */
const DOMAIN_ENTRY = /^([A-Za-z0-9][A-Za-z0-9._-]{0,49}=)?(\*|[a-z0-9.-]+)$/;
const isSender = (value: string): boolean => mailAddress(value) === undefined;

/** Where mail goes, and whence it comes. */
export const mailSettings = {
  LG_SMTP_URL: setting(
    z.string().refine(isSmtpUrl, 'must be smtp://user:password@host:port, or smtps://').optional(),
    'The mail server; what is special in a password is written as %40. Without it mail goes to an inbox page.',
    true,
  ),
  LG_SMTP_TLS: setting(
    z.enum(['required', 'if-offered']).optional(),
    'Whether mail goes over TLS alone, or also without where smtp:// does not offer it. Without it: `required` in production.',
  ),
  LG_MAIL_FROM: setting(
    z.string().refine(isSender, 'must be a mail address, as mail@example.com').optional(),
    'The address that mail comes from where a tenant has none of its own; required with `LG_SMTP_URL`.',
  ),
  LG_MAIL_DOMAINS: setting(
    list
      .pipe(z.array(z.string().regex(DOMAIN_ENTRY, 'takes tenant=domain, domains in lower case')))
      .default([]),
    'Domains that tenants may send mail from, as `tenant=domain`; `tenant=*` for every one. A domain alone holds only while the deployment has one tenant. Others get theirs as Reply-To.',
  ),
} as const;
