CREATE TABLE "audit_checkpoints" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"sequence" bigint NOT NULL,
	"hash" varchar(43) NOT NULL,
	"kid" varchar(43) NOT NULL,
	"token" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "audit_checkpoints_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "audit_heads" (
	"tenant_id" varchar(50) PRIMARY KEY NOT NULL,
	"sequence" bigint NOT NULL,
	"hash" varchar(43) NOT NULL,
	"pending" integer NOT NULL,
	"pending_since" timestamp with time zone,
	"kept_after" bigint DEFAULT 0 NOT NULL,
	"kept_after_hash" varchar(43),
	"boundary_token" text,
	"boundary_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "event_personal_data" (
	"tenant_id" varchar(50) NOT NULL,
	"event_id" varchar(36) NOT NULL,
	"salt" varchar(22),
	"data" jsonb,
	"created_at" timestamp with time zone NOT NULL,
	"erased_at" timestamp with time zone,
	CONSTRAINT "event_personal_data_tenant_id_event_id_pk" PRIMARY KEY("tenant_id","event_id")
);
--> statement-breakpoint
ALTER TABLE "audit_seals" ADD COLUMN "hash" varchar(43);--> statement-breakpoint
ALTER TABLE "license_event_logs" DROP COLUMN "ip_address";--> statement-breakpoint
ALTER TABLE "license_event_logs" ADD COLUMN "personal_hash" varchar(43);--> statement-breakpoint
CREATE UNIQUE INDEX "ux_audit_checkpoints_sequence" ON "audit_checkpoints" USING btree ("tenant_id","sequence");--> statement-breakpoint
CREATE INDEX "ix_audit_checkpoints_created" ON "audit_checkpoints" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_audit_heads_pending" ON "audit_heads" USING btree ("pending_since") WHERE "audit_heads"."pending_since" is not null;--> statement-breakpoint
CREATE INDEX "ix_event_personal_data_created_at" ON "event_personal_data" USING btree ("tenant_id","created_at") WHERE "event_personal_data"."data" is not null;--> statement-breakpoint
CREATE INDEX "ix_license_events_type" ON "license_event_logs" USING btree ("tenant_id","event_type","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_events_actor" ON "license_event_logs" USING btree ("tenant_id","user_id","created_at","id");--> statement-breakpoint
-- From here on nothing is sealed without a hash. What was sealed before gets its own behind this migration, by the program
-- that knows how (src/server/database/chainSeals.ts), which then makes the column not null and drops this.
alter table audit_seals add constraint audit_seals_hashed check (hash is not null) not valid;
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['audit_checkpoints', 'audit_heads', 'event_personal_data']) as names (name);
--> statement-breakpoint
-- Who serves requests signs checkpoints and erases what is personal; the rest of the trail is the sealer's and the retention's.
revoke insert, update on audit_heads from lg_app;
--> statement-breakpoint
revoke update on audit_checkpoints from lg_app, lg_worker;
--> statement-breakpoint
revoke update on event_personal_data from lg_app, lg_worker;
--> statement-breakpoint
grant update (salt, data, erased_at) on event_personal_data to lg_app, lg_worker;
--> statement-breakpoint
-- Nobody deletes from the trail, but this: from its beginning on and up to a boundary that was signed before, in one statement
-- with the place where the rest begins.
create function forget_events(tenant text, upto bigint, most integer) returns integer
language sql security definer set search_path = pg_catalog, public as $$
  with head as (
    select kept_after from audit_heads where tenant_id = tenant and boundary_token is not null for update
  ), gone as (
    delete from audit_seals as seal using head
    where seal.tenant_id = tenant and seal.sequence <= least(upto, head.kept_after + most)
    returning seal.sequence, seal.event_id, seal.hash
  ), last as (
    select sequence, hash from gone order by sequence desc limit 1
  ), events as (
    delete from license_event_logs as event using gone where event.tenant_id = tenant and event.id = gone.event_id
  ), personal as (
    delete from event_personal_data as told using gone where told.tenant_id = tenant and told.event_id = gone.event_id
  ), checkpoints as (
    delete from audit_checkpoints as known using last where known.tenant_id = tenant and known.sequence < last.sequence
  ), moved as (
    update audit_heads set kept_after = last.sequence, kept_after_hash = last.hash from last where tenant_id = tenant
  )
  select count(*)::integer from gone
$$;
--> statement-breakpoint
revoke all on function forget_events(text, bigint, integer) from public;
--> statement-breakpoint
grant execute on function forget_events(text, bigint, integer) to lg_worker;
--> statement-breakpoint
revoke update, delete on audit_checkpoints from lg_worker;
