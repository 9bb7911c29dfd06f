DROP TABLE "reaction_marks" CASCADE;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "expiry_set_at" timestamp with time zone;--> statement-breakpoint
-- As the log of events has said so far, for as long as a reminder looks back: the log is read tenant by tenant.
update licenses set expiry_set_at = fact.told_at
from tenants cross join lateral (
  select license_id, max(created_at) as told_at from license_event_logs
  where tenant_id = tenants.id and created_at > now() - interval '3 days'
    and (event_type in ('license.renewed', 'license.activated')
      or (event_type in ('license.updated', 'license.upgraded')
        and coalesce(event_data #>> '{before,expiryDate}', '') < event_data #>> '{after,expiryDate}'))
  group by license_id) as fact
where licenses.tenant_id = tenants.id and licenses.id = fact.license_id;
--> statement-breakpoint
-- Reminders are written by the worker alone; what stands in the archive came there by it.
revoke insert, update, delete on license_reminders from lg_app;
--> statement-breakpoint
revoke insert, delete on archived_activations from lg_app;
