import { billingType, readBilling } from './billingEvents.js';
import type { InboundProcessor } from './inbound.js';
import type { EventName, EventReading, Members } from './paymentFacts.js';
import { paypalName, readPaypal } from './paypalEvents.js';
import { readStripe, stripeName } from './stripeEvents.js';
import { type Headers, headerOf } from './webhookSignatures.js';

interface Told {
  readonly name: EventName;
  /** What two deliveries of different content never share. */
  readonly transmission: string | null;
}

/** What an event is called: by its body, or by the header that Standard Webhooks signs for that. */
export function nameOf(processor: InboundProcessor, headers: Headers, body: Members): Told | undefined {
  if (processor === 'STRIPE') {
    const name = stripeName(body);
    return name === undefined ? undefined : { name, transmission: null };
  }
  if (processor === 'PAYPAL') {
    const name = paypalName(body);
    const transmission = headerOf(headers, 'paypal-transmission-id') ?? null;
    return name === undefined ? undefined : { name, transmission };
  }
  const [id, type] = [headerOf(headers, 'webhook-id'), billingType(body)];
  const isName = id !== undefined && /^[\x21-\x7e]{1,255}$/.test(id);
  return isName && type !== undefined ? { name: { id, type }, transmission: null } : undefined;
}

const readers: Readonly<Record<InboundProcessor, (body: Members) => EventReading>> = {
  STRIPE: readStripe,
  PAYPAL: readPaypal,
  BILLING: readBilling,
};

export function readEvent(processor: InboundProcessor, body: Members): EventReading {
  return readers[processor](body);
}
