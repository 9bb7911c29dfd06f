CREATE TABLE "api_keys" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"name" varchar(255) NOT NULL,
	"key_hash" varchar(100) NOT NULL,
	"key_hint" varchar(4) NOT NULL,
	"roles" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"permissions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"customer_id" varchar(36),
	"reseller_id" varchar(36),
	"created_by" varchar(255) NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "api_keys_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "audit_seals" (
	"tenant_id" varchar(50) NOT NULL,
	"sequence" bigint NOT NULL,
	"event_id" varchar(36) NOT NULL,
	"sealed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "audit_seals_tenant_id_sequence_pk" PRIMARY KEY("tenant_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "unsealed_events" (
	"tenant_id" varchar(50) NOT NULL,
	"event_id" varchar(36) NOT NULL,
	CONSTRAINT "unsealed_events_tenant_id_event_id_pk" PRIMARY KEY("tenant_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"tenant_id" varchar(50) NOT NULL,
	"actor" varchar(320) NOT NULL,
	"key" varchar(255) NOT NULL,
	"response_name" varchar(255) NOT NULL,
	"request_hash" varchar(64) NOT NULL,
	"payload" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_tenant_id_actor_key_response_name_pk" PRIMARY KEY("tenant_id","actor","key","response_name")
);
--> statement-breakpoint
CREATE TABLE "rate_limits" (
	"bucket" varchar(200) NOT NULL,
	"window_start" timestamp with time zone NOT NULL,
	"hits" integer NOT NULL,
	CONSTRAINT "rate_limits_bucket_window_start_pk" PRIMARY KEY("bucket","window_start")
);
--> statement-breakpoint
ALTER TABLE "key_directory" DROP CONSTRAINT "key_directory_kind";--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_api_keys_hash" ON "api_keys" USING btree ("tenant_id","key_hash");--> statement-breakpoint
CREATE INDEX "ix_api_keys_tenant_created" ON "api_keys" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_audit_seals_event" ON "audit_seals" USING btree ("tenant_id","event_id");--> statement-breakpoint
CREATE INDEX "ix_idempotency_keys_created" ON "idempotency_keys" USING btree ("tenant_id","created_at");--> statement-breakpoint
CREATE INDEX "ix_rate_limits_window" ON "rate_limits" USING btree ("window_start");--> statement-breakpoint
ALTER TABLE "key_directory" ADD CONSTRAINT "key_directory_kind" CHECK ("key_directory"."kind" in ('LICENSE_KEY', 'ACTIVATION_TOKEN', 'API_KEY'));--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['api_keys', 'audit_seals', 'idempotency_keys', 'unsealed_events']) as names (name);
--> statement-breakpoint
-- Requests announce their events; the sealer, as the worker, numbers them. A seal is as final as its event.
revoke insert, update on audit_seals from lg_app;
--> statement-breakpoint
revoke update, delete on audit_seals from lg_worker;
--> statement-breakpoint
revoke update on unsealed_events from lg_app, lg_worker;
--> statement-breakpoint
revoke update on idempotency_keys from lg_app;
--> statement-breakpoint
-- Not a tenant's: counted before a tenant is known, and worth nothing after a crash.
alter table rate_limits set unlogged;
--> statement-breakpoint
grant select, insert, update, delete on rate_limits to lg_app, lg_worker;
--> statement-breakpoint
insert into unsealed_events (tenant_id, event_id) select tenant_id, id from license_event_logs;
