import { randomBytes } from 'node:crypto';

/** As Standard Webhooks writes symmetric secrets: a prefix that secret scanners know, and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}
