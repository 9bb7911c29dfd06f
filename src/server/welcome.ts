import { demoAccess } from './http/demoUsers.js';
import type { Running } from './start.js';

const TOKEN_SECONDS = 30 * 86_400;

const rule = '─'.repeat(78);

function urls({ address, tokens }: Running): string[] {
  return [
    `  Graph    ${address}/graphql`,
    `  Health   ${address}/healthz   ${address}/readyz`,
    `  JWKS     ${address}/.well-known/jwks.json`,
    ...(tokens.signer === undefined ? [] : [`  Mail     ${address}/mail   ${address}/dev/mail`]),
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
  const tenants = signer === undefined ? [] : await demoAccess(running.worker, signer, TOKEN_SECONDS);
  for (const { tenantId, name, users } of tenants) {
    lines.push('', `  Tokens of the demo tenant ${tenantId} (${name}), good for 30 days:`);
    lines.push(...users.map(({ role, token }) => `  ${role.padEnd(9)} ${token}`));
  }
  const licenseKey = tenants[0]?.facts.licenseKey;
  if (licenseKey !== undefined) lines.push(...example(running, licenseKey));
  return [...lines, rule].join('\n');
}
