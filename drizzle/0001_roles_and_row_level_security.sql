-- What every tenant table gets: row-level security that binds its owner too, one policy a role, and grants.
-- lg_app sees the tenant that the transaction has set, and nothing while none is set; lg_worker runs over all
-- tenants; lg_owner needs a policy of its own, because under FORCE its backfills would change no row and say nothing,
-- and foreign keys are checked in its name.
create function protect_tenant_table(target regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy tenant_only on %s for all to lg_app using (tenant_id = current_setting(''app.tenant'', true)) with check (tenant_id = current_setting(''app.tenant'', true))', target);
  execute format('create policy all_tenants on %s for all to lg_worker using (true) with check (true)', target);
  execute format('create policy backfill on %s for all to lg_owner using (true) with check (true)', target);
  execute format('grant select, insert, update on %s to lg_app', target);
  execute format('grant select, insert, update, delete on %s to lg_worker', target);
end
$$;
--> statement-breakpoint
revoke all on function protect_tenant_table(regclass) from public;
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array[
  'billing_products', 'compliance_audits', 'compliance_violations', 'customers', 'feature_usage', 'license_activations',
  'license_event_logs', 'license_orders', 'license_templates', 'licenses', 'resellers'
]) as names (name);
--> statement-breakpoint
-- The trail is append-only for whoever serves requests or runs jobs.
revoke update, delete on license_event_logs from lg_app, lg_worker;
--> statement-breakpoint
-- Not a tenant's: the directory holds hashes only, and is read before a tenant is known.
grant select, insert, delete on key_directory to lg_app, lg_worker;
--> statement-breakpoint
alter table tenants enable row level security;
--> statement-breakpoint
alter table tenants force row level security;
--> statement-breakpoint
create policy own_tenant on tenants for select to lg_app using (id = current_setting('app.tenant', true));
--> statement-breakpoint
create policy all_tenants on tenants for all to lg_worker using (true) with check (true);
--> statement-breakpoint
create policy backfill on tenants for all to lg_owner using (true) with check (true);
--> statement-breakpoint
grant select on tenants to lg_app;
--> statement-breakpoint
grant select, insert, update on tenants to lg_worker;
