import { eq } from 'drizzle-orm';
import { latest } from '../../core/clock.js';
import { invalidInput } from '../../core/refusal.js';
import type { Work } from '../../core/work.js';
import {
  changedSettings,
  emptyChange,
  settingsDifference,
  settingsTold,
  type TenantSettings,
} from '../model/settings.js';
import { lockTenant } from '../queries.js';
import type { UpdateTenantSettingsInput } from '../schema/settings.js';
import { requireWholeTenant } from '../service.js';
import { tenants } from '../table.js';

/** Changes what is named. The same once more changes nothing, and is no event. */
export async function updateTenantSettings(
  work: Work,
  input: UpdateTenantSettingsInput,
): Promise<TenantSettings> {
  requireWholeTenant(work, 'tenant.update');
  const problems = emptyChange(input);
  if (problems.length > 0) throw invalidInput(problems);
  const tenant = await lockTenant(work);
  const settings = changedSettings(tenant.settings, input);
  const difference = settingsDifference(tenant.settings, settings);
  if (difference === undefined) return tenant.settings;
  await work.db
    .update(tenants)
    .set({ settings, updatedAt: latest(tenant.updatedAt, work.now) })
    .where(eq(tenants.id, work.tenantId));
  await work.emit({ type: 'tenant.settings_changed', subjectId: tenant.id, ...settingsTold(difference) });
  return settings;
}
