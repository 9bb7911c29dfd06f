import { z } from 'zod';
import { json } from './issuers.js';
import { list, setting } from './setting.js';

const several = (form: RegExp, words: string) =>
  list.pipe(z.array(z.string().regex(form, words)).max(5)).default([]);

/** What webhooks that come to the deployment's own addresses are signed with. */
export const paymentSettings = {
  LG_STRIPE_WEBHOOK_SECRET: setting(
    several(/^whsec_[\x21-\x2b\x2d-\x7e]{16,200}$/, 'takes signing secrets, `whsec_…`'),
    'What Stripe signs webhooks with that come to `/webhooks/stripe`; several by commas while one is replaced. Without it nothing is there.',
    true,
  ),
  LG_PAYPAL_WEBHOOK_ID: setting(
    several(/^[A-Za-z0-9]{10,50}$/, 'takes ids of webhooks'),
    'The id that PayPal gives the webhook of `/webhooks/paypal`; several by commas. Without it nothing is there.',
    true,
  ),
  LG_BILLING_WEBHOOK_SECRET: setting(
    several(/^whsec_[A-Za-z0-9+/]{32,200}={0,2}$/, 'takes `whsec_` and at least 24 bytes in base64'),
    'What any other processor signs webhooks with that come to `/webhooks/billing`, as Standard Webhooks has it; several by commas.',
    true,
  ),
  LG_RATE_FORGED_PER_MINUTE: setting(
    z.coerce.number().int().min(0).max(1_000_000).default(60),
    'How many webhooks with a wrong signature are told so a minute from one address; those with a right one are always taken. 0 is no limit.',
  ),
  LG_PAYPAL_TEST_CERTIFICATES: setting(
    json(z.strictObject({ origin: z.url({ protocol: /^https$/ }), ca: z.string().min(1) })).optional(),
    "For tests of this program alone: `{origin, ca}` in the place of PayPal's hosts and the roots that are trusted.",
  ),
} as const;
