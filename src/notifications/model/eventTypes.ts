/** Every event that there is, from the lists of the models: what an endpoint may ask for. */
import { accessEvents } from '../../access/model.js';
import { activationEvents } from '../../activations/model/activation.js';
import { deviceEvents } from '../../activations/model/devices.js';
import { emergencyEvents } from '../../activations/model/emergency.js';
import { auditEvents } from '../../audit/model.js';
import { inboundEvents } from '../../billing/model/inbound.js';
import { invoiceEvents } from '../../billing/model/invoice.js';
import { renewalEvents } from '../../billing/model/renewals.js';
import { incidentEvents } from '../../compliance/model/incidents.js';
import { violationEvents } from '../../compliance/model/violations.js';
import { entitlementEvents } from '../../entitlements/model/ledger.js';
import { bulkIssueEvents } from '../../licenses/model/bulkIssue.js';
import { licenseEvents } from '../../licenses/model.js';
import { poolEvents } from '../../orders/model/pools.js';
import { upgradeEvents } from '../../orders/model/upgrade.js';
import { orderEvents } from '../../orders/model.js';
import { templateEvents } from '../../templates/model.js';
import { notificationEvents } from './mail.js';
import { webhookEvents } from './webhooks.js';

export const eventTypes: readonly string[] = [
  ...accessEvents,
  ...auditEvents,
  ...templateEvents,
  ...licenseEvents,
  ...bulkIssueEvents,
  ...activationEvents,
  ...entitlementEvents,
  ...deviceEvents,
  ...emergencyEvents,
  ...incidentEvents,
  ...violationEvents,
  ...invoiceEvents,
  ...renewalEvents,
  ...orderEvents,
  ...upgradeEvents,
  ...inboundEvents,
  ...notificationEvents,
  ...poolEvents,
  ...webhookEvents,
];

/** Whether a pattern can ever fit: a type itself, all types of a noun (`license.*`), or all there are (`*`). */
export function isEventPattern(pattern: string): boolean {
  if (pattern === '*' || eventTypes.includes(pattern)) return true;
  return pattern.endsWith('.*') && eventTypes.some((type) => type.startsWith(pattern.slice(0, -1)));
}
