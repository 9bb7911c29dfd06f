import { mutation } from './acts.js';
import type { Issued } from './fixtures.js';
import type { Claims, TestServer } from './server.js';

/** Shuts a device out, and answers the entry's id. */
export async function blacklistDevice(
  server: TestServer,
  as: Claims,
  deviceFingerprint: string,
): Promise<string> {
  const input = { deviceFingerprint, reason: 'stolen' };
  const data = await server.ok(mutation('blacklistDevice', 'device { id }'), { input }, as);
  return String(data.blacklistDevice?.device?.id);
}

export async function emergencyCode(server: TestServer, as: Claims, license: Issued): Promise<string> {
  const input = { licenseId: license.id, reason: 'the license server is away' };
  const data = await server.ok(mutation('generateEmergencyCode', 'emergencyCode'), { input }, as);
  return String(data.generateEmergencyCode?.emergencyCode);
}

/** Reports something of a license, by its key. */
export async function reportActivity(server: TestServer, as: Claims, licenseKey: string): Promise<void> {
  const input = { licenseKey, activityType: 'API_ABUSE', description: 'The key is public.' };
  await server.ok(mutation('reportSuspiciousActivity', 'incidentId'), { input }, as);
}
