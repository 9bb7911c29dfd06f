import { z } from 'zod';
import { setting } from './setting.js';

const isServer = (value: string): boolean => URL.canParse(value) && /^https?:\/\/[^/]+\/?$/.test(value);

/** Who charges for renewals, and when. */
export const chargeSettings = {
  LG_STRIPE_SECRET_KEY: setting(
    z
      .string()
      .regex(/^(sk|rk)_[A-Za-z0-9_]{8,250}$/, 'must be a secret key of Stripe, sk_… or rk_…')
      .optional(),
    'The key by which renewals are charged and payments are paid back at Stripe. Without it invoices wait to be paid.',
    true,
  ),
  LG_STRIPE_URL: setting(
    z
      .string()
      .refine(isServer, 'must be a server, as https://api.stripe.com')
      .default('https://api.stripe.com'),
    'Where the API of Stripe is; another one is for tests, and refused in production.',
  ),
  LG_STRIPE_SECONDS: setting(
    z.coerce.number().int().min(1).max(120).default(60),
    'How long an answer of Stripe is waited for; without one the same is asked again, and nothing is charged twice.',
  ),
  LG_RENEWAL_DAYS: setting(
    z.coerce.number().int().min(1).max(60).default(3),
    'How many days before its end a license with automatic renewal is billed and charged.',
  ),
} as const;
