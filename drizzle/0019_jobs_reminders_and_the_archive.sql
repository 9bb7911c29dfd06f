CREATE TABLE "archived_activations" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"activation_token_hash" varchar(100) NOT NULL,
	"activation_token_hint" varchar(4) NOT NULL,
	"device_fingerprint" varchar(255) NOT NULL,
	"hardware_id" varchar(255),
	"mac_address" varchar(100),
	"domain" varchar(253),
	"machine_name" varchar(255),
	"ip_address" varchar(50),
	"operating_system" varchar(100),
	"user_agent" varchar(500),
	"application_version" varchar(50) NOT NULL,
	"activation_type" varchar(20) DEFAULT 'ONLINE' NOT NULL,
	"status" varchar(20) DEFAULT 'ACTIVE' NOT NULL,
	"user_ref" varchar(255),
	"units" integer DEFAULT 1 NOT NULL,
	"activated_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	"lease_expires_at" timestamp with time zone,
	"seat_freed_at" timestamp with time zone,
	"borrowed_until" timestamp with time zone,
	"last_heartbeat" timestamp with time zone,
	"deactivated_at" timestamp with time zone,
	"deactivation_reason" text,
	"location" jsonb,
	"reported_at" timestamp with time zone,
	"usage_metrics" jsonb,
	"feature_usage" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"archived_at" timestamp with time zone NOT NULL,
	CONSTRAINT "archived_activations_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "reaction_marks" (
	"tenant_id" varchar(50) NOT NULL,
	"event_id" varchar(36) NOT NULL,
	"reaction" varchar(100) NOT NULL,
	"done_at" timestamp with time zone NOT NULL,
	CONSTRAINT "reaction_marks_tenant_id_event_id_reaction_pk" PRIMARY KEY("tenant_id","event_id","reaction")
);
--> statement-breakpoint
CREATE TABLE "scheduled_jobs" (
	"name" varchar(100) PRIMARY KEY NOT NULL,
	"due_at" timestamp with time zone,
	"done_through" timestamp with time zone,
	"requested_at" timestamp with time zone,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"progress" jsonb,
	"result" jsonb,
	"error" varchar(1000)
);
--> statement-breakpoint
CREATE TABLE "license_reminders" (
	"tenant_id" varchar(50) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"expiry_date" timestamp with time zone NOT NULL,
	"days" integer NOT NULL,
	"reminded_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_reminders_tenant_id_license_id_expiry_date_days_pk" PRIMARY KEY("tenant_id","license_id","expiry_date","days")
);
--> statement-breakpoint
ALTER TABLE "emergency_codes" DROP CONSTRAINT "emergency_codes_activation";
--> statement-breakpoint
ALTER TABLE "security_incidents" DROP CONSTRAINT "security_incidents_activation";
--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "expiry_told" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "lapse_told" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "archived_activations" ADD CONSTRAINT "archived_activations_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reaction_marks" ADD CONSTRAINT "reaction_marks_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_reminders" ADD CONSTRAINT "license_reminders_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_archived_activations_token" ON "archived_activations" USING btree ("tenant_id","activation_token_hash");--> statement-breakpoint
CREATE INDEX "ix_archived_activations_license" ON "archived_activations" USING btree ("tenant_id","license_id","activated_at","id");--> statement-breakpoint
CREATE INDEX "ix_archived_activations_activated" ON "archived_activations" USING btree ("tenant_id","activated_at","id");--> statement-breakpoint
CREATE INDEX "ix_archived_activations_device" ON "archived_activations" USING btree ("tenant_id","device_fingerprint");--> statement-breakpoint
CREATE INDEX "ix_archived_activations_reported" ON "archived_activations" USING btree ("tenant_id","reported_at") WHERE "archived_activations"."reported_at" is not null;--> statement-breakpoint
CREATE INDEX "ix_reaction_marks_done" ON "reaction_marks" USING btree ("done_at");--> statement-breakpoint
CREATE INDEX "ix_activations_deactivated" ON "license_activations" USING btree ("deactivated_at") WHERE "license_activations"."status" = 'DEACTIVATED';--> statement-breakpoint
CREATE INDEX "ix_licenses_expiry_untold" ON "licenses" USING btree ("expiry_date") WHERE "licenses"."status" in ('ACTIVE', 'INACTIVE', 'EXPIRED') and "licenses"."expiry_date" is not null and "licenses"."expiry_told" is distinct from "licenses"."expiry_date";--> statement-breakpoint
CREATE INDEX "ix_licenses_seats_until" ON "licenses" USING btree ("seats_until") WHERE "licenses"."seats_until" is not null;--> statement-breakpoint
CREATE INDEX "ix_licenses_lapse_untold" ON "licenses" USING btree ((("expiry_date" at time zone 'UTC') + make_interval(days => case when "status" = 'INACTIVE' then 0 else coalesce("grace_period_days", 0) end))) WHERE "licenses"."status" in ('ACTIVE', 'INACTIVE', 'EXPIRED') and "licenses"."expiry_date" is not null and "licenses"."lapse_told" is distinct from "licenses"."expiry_date";
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array[
  'archived_activations', 'license_reminders', 'reaction_marks'
]) as names (name);
--> statement-breakpoint
-- No tenant's. Operators see how jobs stand and ask for one to run; all else is the worker's.
alter table scheduled_jobs enable row level security;
--> statement-breakpoint
alter table scheduled_jobs force row level security;
--> statement-breakpoint
create policy operators on scheduled_jobs for all to lg_app using (current_setting('app.operator', true) = 'on');
--> statement-breakpoint
create policy all_jobs on scheduled_jobs for all to lg_worker using (true) with check (true);
--> statement-breakpoint
create policy backfill on scheduled_jobs for all to lg_owner using (true) with check (true);
--> statement-breakpoint
grant select, update (requested_at) on scheduled_jobs to lg_app;
--> statement-breakpoint
grant select, insert, update, delete on scheduled_jobs to lg_worker;
--> statement-breakpoint
-- What lapsed before anything told of it is history: nobody is told of it now.
update licenses set expiry_told = expiry_date where expiry_date <= now();
--> statement-breakpoint
update licenses set lapse_told = expiry_date
where expiry_date + make_interval(days => case when status = 'INACTIVE' then 0 else coalesce(grace_period_days, 0) end) <= now();
--> statement-breakpoint
-- Whoever serves requests puts jobs into the queue for its own tenant, and reads none of it.
create function enqueue_job(job text, payload json, key text) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if coalesce(current_setting('app.tenant', true), '') = '' then
    raise exception 'no tenant is set' using errcode = '42501';
  end if;
  perform graphile_worker.add_job(
    job,
    (payload::jsonb || jsonb_build_object('tenantId', current_setting('app.tenant', true)))::json,
    job_key => job || ':' || current_setting('app.tenant', true) || ':' || key
  );
end
$$;
--> statement-breakpoint
revoke all on function enqueue_job(text, json, text) from public;
--> statement-breakpoint
grant execute on function enqueue_job(text, json, text) to lg_app;
