import type { Role } from '../access/permissions.js';
import type { TokenSigner } from '../access/tokens.js';
import { systemClock } from '../core/clock.js';
import { demoTenants } from './demoData.js';
import { type DemoFacts, demoFacts } from './seed.js';
import type { Running } from './start.js';

const TOKEN_SECONDS = 30 * 86_400;
const shown: readonly Role[] = ['admin', 'manager', 'auditor', 'support', 'reseller', 'customer'];

function claimsOf(role: Role, tenantId: string, facts: DemoFacts): Record<string, unknown> {
  const bound =
    role === 'customer'
      ? { customer_id: facts.customerId }
      : role === 'reseller'
        ? { reseller_id: facts.resellerId }
        : {};
  return { sub: `${role}@${tenantId}.example`, tenant_id: tenantId, roles: [role], ...bound };
}

async function tokenLines(signer: TokenSigner, tenantId: string, roles: readonly Role[], facts: DemoFacts) {
  const lines: string[] = [];
  for (const role of roles) {
    const token = await signer.sign(claimsOf(role, tenantId, facts), systemClock(), TOKEN_SECONDS);
    lines.push(`  ${role.padEnd(9)} ${token}`);
  }
  return lines;
}

const rule = '─'.repeat(78);

function urls({ address }: Running): string[] {
  return [
    `  Graph    ${address}/graphql`,
    `  Health   ${address}/healthz   ${address}/readyz`,
    `  JWKS     ${address}/.well-known/jwks.json`,
  ];
}

function example({ address }: Running, licenseKey: string): string[] {
  const query = `{ validateLicenseKey(licenseKey: \\"${licenseKey}\\") { valid code } }`;
  return [
    '',
    '  Try it: is this demo license valid?',
    '',
    `curl -s ${address}/graphql -H 'content-type: application/json' \\`,
    `  -d '{"query":"${query}"}'`,
    '',
    '  It answers {"data":{"validateLicenseKey":{"valid":true,"code":"VALID"}}}',
  ];
}

/**
 * What a start ends with. In development it shows demo tokens and a demo key, the one place where secrets are
 * printed on purpose.
 */
export async function welcome(running: Running): Promise<string> {
  const lines = [rule, '  LicenseGraph is ready.', '', ...urls(running)];
  const { signer } = running.tokens;
  if (signer !== undefined)
    lines.push('', '  DEVELOPMENT MODE: keys are generated, and this server signs its own tokens.');
  if (running.database.embedded) {
    lines.push(
      '  The embedded PostgreSQL is for development and evaluation; set DATABASE_URL in production.',
    );
  }
  let licenseKey: string | undefined;
  for (const [index, { id, name }] of demoTenants.entries()) {
    const facts = signer === undefined ? undefined : await demoFacts(running.worker, id);
    if (signer === undefined || facts === undefined) continue;
    lines.push('', `  Tokens of the demo tenant ${id} (${name}), good for 30 days:`);
    lines.push(...(await tokenLines(signer, id, index === 0 ? shown : ['admin'], facts)));
    licenseKey ??= facts.licenseKey;
  }
  if (licenseKey !== undefined) lines.push(...example(running, licenseKey));
  return [...lines, rule].join('\n');
}
