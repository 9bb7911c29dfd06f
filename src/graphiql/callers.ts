/** Who asks: nobody, one of the demo users that a development server offers, or the holder of a token. */
import type { Facts } from './example';

export interface DemoTenant {
  readonly tenantId: string;
  readonly name: string;
  readonly users: readonly { readonly role: string; readonly token: string }[];
  readonly facts: Facts;
}

/** `nobody`, `own`, or `demo-isp/admin`. */
export type CallerName = string;

export const NOBODY: CallerName = 'nobody';
export const OWN_TOKEN: CallerName = 'own';

export function demoCaller(tenantId: string, role: string): CallerName {
  return `${tenantId}/${role}`;
}

/** The demo users of a server on this machine. One that offers none after all leaves the page as it is without. */
export async function demoTenants(): Promise<readonly DemoTenant[]> {
  const headers = { 'x-licensegraph-page': 'graphiql' };
  const request = { method: 'POST', headers, cache: 'no-store' } as const;
  const response = await fetch('/graphiql/demo-users', request).catch(() => undefined);
  if (response?.ok !== true) return [];
  const { tenants } = (await response.json()) as { readonly tenants: readonly DemoTenant[] };
  return tenants;
}

export function factsOf(name: CallerName, tenants: readonly DemoTenant[]): Facts | undefined {
  return (tenants.find(({ tenantId }) => name.startsWith(`${tenantId}/`)) ?? tenants[0])?.facts;
}

export function tokenOf(name: CallerName, own: string, tenants: readonly DemoTenant[]): string | undefined {
  if (name === OWN_TOKEN) return own.trim().replace(/^Bearer +/i, '') || undefined;
  for (const { tenantId, users } of tenants) {
    const user = users.find(({ role }) => demoCaller(tenantId, role) === name);
    if (user !== undefined) return user.token;
  }
  return undefined;
}

/** What was chosen here before, while it is still there to choose; else the first demo user, else nobody. */
export function firstCaller(remembered: string | null, tenants: readonly DemoTenant[]): CallerName {
  const names = tenants.flatMap(({ tenantId, users }) => users.map(({ role }) => demoCaller(tenantId, role)));
  const known = [NOBODY, OWN_TOKEN, ...names];
  if (remembered !== null && known.includes(remembered)) return remembered;
  return names[0] ?? NOBODY;
}
