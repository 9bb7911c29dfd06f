import type { AnonymousActor } from '../core/actor.js';
import { ANYONE } from '../graph/authorized.js';

/** Every permission, with what it lets its holder do. */
export const permissions = {
  [ANYONE]: 'Held by everybody, callers without a token included.',
  'viewer.read': 'Ask who one is.',
  'product.read': 'See products.',
  'product.create': 'Add products.',
  'product.update': 'Change products.',
  'customer.read': 'See customers.',
  'customer.create': 'Add customers.',
  'customer.update': 'Change customers.',
  'reseller.read': 'See resellers.',
  'reseller.create': 'Add resellers.',
  'reseller.update': 'Change resellers.',
  'template.read': 'See license templates.',
  'template.create': 'Add and duplicate license templates.',
  'template.update': 'Change and switch off license templates.',
  'license.read': 'See licenses.',
  'license.read_metadata': "See the vendor's own facts about licenses.",
  'license.read_certificate': 'Get the signed certificates of licenses.',
  'license.read_integrity': 'See what of a license is not as it was sealed or signed.',
  'license.issue': 'Issue licenses from templates.',
  'license.create': 'Create licenses without a template.',
  'license.import': 'Set key, status and issue date of a license that is created.',
  'license.update': 'Change licenses; switch them off and on.',
  'license.renew': 'Renew licenses.',
  'license.quote': 'Ask what renewals and upgrades of licenses cost.',
  'license.upgrade': 'Take licenses to other templates, once that is paid for.',
  'license.suspend': 'Suspend licenses.',
  'license.reinstate': 'Reinstate suspended licenses.',
  'license.revoke': 'Revoke licenses for good.',
  'license.transfer': 'Move licenses to other customers.',
  'license.reveal_key': 'See full license keys; every look is recorded.',
  'license.export': 'Export licenses in bulk.',
  'license.analyze': 'See the analytics of licenses.',
  'activation.read': 'See activations, one by one and in lists.',
  'activation.read_shown': 'See the activation of the device or token that one shows.',
  'activation.read_user': 'See who uses an activation, and the name of its machine.',
  'activation.read_personal': 'See the address and place of activations.',
  'activation.deactivate': 'End activations.',
  'activation.sign_offline': 'Answer requests of devices that cannot connect.',
  'license.checkout': 'Take license files out, for devices that cannot connect.',
  'activation.override_allowance': 'End activations past what a license allows in a year.',
  'device.read': 'See which devices are shut out.',
  'device.blacklist': 'Shut devices out of the tenant.',
  'device.unblacklist': 'Let devices in that were shut out.',
  'device.forget': 'Erase what was told of devices.',
  'incident.read': 'See suspicious activity.',
  'incident.report': 'Report suspicious activity.',
  'violation.read': 'See breaches of the terms of licenses.',
  'emergency_code.generate': 'Make emergency codes for licenses.',
  'order.read': 'See orders.',
  'invoice.read': 'See invoices and what was paid for them.',
  'invoice.void': 'Void invoices of which nothing is paid.',
  'payment.record': 'Record money that came past every processor.',
  'payment.refund': 'Pay money back.',
  'order.read_approval': 'See who ordered, approved and cancelled orders, and what was said about it.',
  'order.create': 'Order licenses, at the prices of the templates.',
  'order.override_price': 'Set prices and taxes of orders, and order what templates do not offer.',
  'order.approve': 'Approve orders.',
  'order.fulfill': 'Have the licenses of approved and paid orders made.',
  'order.cancel': 'Cancel orders; whoever buys or sells only until they are approved.',
  'payment_method.read': 'See by what customers are charged.',
  'payment_method.set': 'Say by what customers are charged, and take it back.',
  'renewal.read': 'See renewals of licenses that are paid for.',
  'renewal.request': 'Have the renewal of licenses billed; they are renewed once that is paid.',
  'renewal.cancel': 'Call off renewals that were asked for and are not paid.',
  'pool.read': 'See license pools.',
  'pool.create': 'Make license pools for resellers.',
  'pool.update': 'Change license pools: their size, their end and whether places come back.',
  'pool.allocate': 'Take licenses from pools for customers.',
  'api_key.read': 'See API keys, without their secrets.',
  'api_key.create': 'Make API keys that may do no more than oneself.',
  'api_key.revoke': 'Revoke API keys.',
  'event.read': 'See the events of the audit trail.',
  'event.read_personal': 'See the addresses, names and places that events were told with.',
  'audit.verify': 'Have the audit trail computed again and compared.',
  'audit.export': 'Export the audit trail.',
  'audit.checkpoint': 'Have the end of the audit trail signed, and see what was signed.',
  'entitlement.read': 'See what the own licenses grant.',
  'feature.consume':
    "Ask for features, use units of them and give units back, for oneself or whoever stands in one's reach.",
  'feature.grant': 'Add features to single licenses and change their limits.',
  'feature.revoke': 'Switch features of single licenses off.',
  'quota.top_up': 'Give extra units of a feature.',
  'quota.reset': "Set a limit's running window back to nothing used.",
  'feature_flags.set': "Say which features switch the host's settings.",
  'tenant.read': "See the tenant's settings.",
  'tenant.update': "Change the tenant's settings.",
  'notification.read': 'See which mail was sent, and what it said.',
  'notification.resend': 'Have mail sent again.',
  'webhook.read': 'See webhook endpoints and what was sent to them, without their secrets.',
  'webhook.create': 'Add webhook endpoints.',
  'webhook.update': 'Change, test and switch off webhook endpoints, and replace their secrets.',
  'webhook.delete': 'Delete webhook endpoints.',
  'webhook.replay': 'Send again what webhook endpoints did not take.',
  'payment_endpoint.read': 'See payment endpoints, without their secrets.',
  'payment_endpoint.create': 'Add addresses that payment processors send webhooks to.',
  'payment_endpoint.update': 'Change and switch off payment endpoints, and replace their secrets.',
  'inbound_webhook.read': 'See which webhooks payment processors have sent, and what became of them.',
  'inbound_webhook.read_body': 'See what those webhooks said, of payers too.',
  'inbound_webhook.retry': 'Have webhooks of payment processors processed again that had no effect.',
  'inbound_webhook.close': 'Close webhooks of payment processors that had no effect.',
  'tenant.list': 'See all tenants; for operators alone.',
  'job.list': 'See how jobs over all tenants stand; for operators alone.',
  'job.run': 'Have jobs over all tenants run; for operators alone.',
  'unclaimed_webhook.list': "See webhooks of payment processors that are no tenant's; for operators alone.",
  'unclaimed_webhook.settle':
    "Close webhooks that are no tenant's, or say whose they are; for operators alone.",
} as const;

export type Permission = keyof typeof permissions;

/** What stands above the tenants: no role but the operator's holds it, and nobody grants it inside a tenant. */
const aboveTenants: ReadonlySet<Permission> = new Set<Permission>([
  'tenant.list',
  'job.list',
  'job.run',
  'unclaimed_webhook.list',
  'unclaimed_webhook.settle',
]);

const all = (Object.keys(permissions) as Permission[]).filter((permission) => !aboveTenants.has(permission));
const everyRead = all.filter((permission) => permission.endsWith('.read'));
const customerSide = [
  ANYONE,
  'viewer.read',
  'product.read',
  'customer.read',
  'template.read',
  'license.read',
  'license.read_metadata',
  'license.read_certificate',
  'license.quote',
  'license.upgrade',
  'activation.read',
  'activation.read_shown',
  'order.read',
  'invoice.read',
  'renewal.read',
  'entitlement.read',
] as const;
const office = [
  ...everyRead,
  ANYONE,
  'order.read_approval',
  'license.read_metadata',
  'license.read_certificate',
  'license.read_integrity',
  'license.quote',
  'activation.read_shown',
  'activation.read_user',
  'activation.read_personal',
  'incident.report',
] as const;

/** What each role may do. A token names roles, permissions, or both. */
export const roles = {
  admin: all,
  manager: all.filter((permission) => permission !== 'license.import'),
  auditor: [
    ...office,
    'license.analyze',
    'license.export',
    'event.read_personal',
    'audit.verify',
    'audit.export',
    'audit.checkpoint',
  ],
  support: [
    ...office,
    'activation.deactivate',
    'activation.sign_offline',
    'license.checkout',
    'activation.override_allowance',
    'device.blacklist',
    'emergency_code.generate',
    'notification.resend',
    'license.suspend',
    'license.reinstate',
    'license.analyze',
  ],
  reseller: [
    ...customerSide,
    'reseller.read',
    'license.issue',
    'license.renew',
    'license.analyze',
    'order.create',
    'order.cancel',
    'renewal.request',
    'renewal.cancel',
    'pool.read',
    'pool.allocate',
  ],
  customer: [
    ...customerSide,
    'activation.read_user',
    'activation.deactivate',
    'activation.sign_offline',
    'license.checkout',
    'emergency_code.generate',
    'license.analyze',
    'feature.consume',
    'order.create',
    'order.cancel',
    'payment_method.read',
    'payment_method.set',
    'renewal.request',
    'renewal.cancel',
  ],
  /** One device among others: it sees its license and itself, not who else uses the license. */
  application: [
    ANYONE,
    'license.read',
    'license.read_certificate',
    'activation.read_shown',
    'feature.consume',
  ],
  /** Whoever runs the server for its tenants. It sees which there are, and nothing in them but its own. */
  operator: [ANYONE, 'viewer.read', ...aboveTenants],
} as const satisfies Record<string, readonly Permission[]>;

export type Role = keyof typeof roles;

export function isPermission(word: string): word is Permission {
  return Object.hasOwn(permissions, word);
}

export function isRole(word: string): word is Role {
  return Object.hasOwn(roles, word);
}

/** The claim by which a token would make an operator, of one with these words. */
export function operatorClaim(
  roleNames: readonly string[],
  single: readonly string[],
): 'roles' | 'permissions' | undefined {
  if (roleNames.includes('operator' satisfies Role)) return 'roles';
  return single.some((word) => isPermission(word) && aboveTenants.has(word)) ? 'permissions' : undefined;
}

/** The union of roles and single permissions; words that are neither grant nothing. */
export function permissionsOf(
  roleNames: readonly string[],
  single: readonly string[],
): ReadonlySet<Permission> {
  const fromRoles = roleNames.filter(isRole).flatMap((role): readonly Permission[] => roles[role]);
  return new Set<Permission>([ANYONE, ...fromRoles, ...single.filter(isPermission)]);
}

/** The same without what stands above the tenants. */
export function permissionsInTenant(
  roleNames: readonly string[],
  single: readonly string[],
): ReadonlySet<Permission> {
  const held = [...permissionsOf(roleNames, single)];
  return new Set(held.filter((permission) => !aboveTenants.has(permission)));
}

const anonymousPermissions: ReadonlySet<Permission> = new Set([ANYONE]);
/** Nobody yet. */
export const anonymous: AnonymousActor = { kind: 'anonymous', permissions: anonymousPermissions };
export const applicationPermissions: ReadonlySet<Permission> = new Set(roles.application);
