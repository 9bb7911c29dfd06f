CREATE TABLE "webhook_cursors" (
	"tenant_id" varchar(50) NOT NULL,
	"sequence" bigint NOT NULL,
	CONSTRAINT "webhook_cursors_tenant_id_pk" PRIMARY KEY("tenant_id")
);
--> statement-breakpoint
CREATE TABLE "webhook_deliveries" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"endpoint_id" varchar(36) NOT NULL,
	"event_id" varchar(36) NOT NULL,
	"sequence" bigint NOT NULL,
	"event_type" varchar(50) NOT NULL,
	"status" varchar(20) NOT NULL,
	"next_attempt_at" timestamp with time zone,
	"leased_until" timestamp with time zone,
	"attempt_count" integer NOT NULL,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"last_error" varchar(20),
	"finished_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "webhook_deliveries_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "webhook_deliveries_status" CHECK ("webhook_deliveries"."status" in ('PENDING', 'DELIVERED', 'FAILED')),
	CONSTRAINT "webhook_deliveries_last_error" CHECK ("webhook_deliveries"."last_error" in ('REFUSED', 'RESET', 'UNREACHABLE', 'DNS', 'TLS', 'TIMEOUT', 'ADDRESS_NOT_PUBLIC', 'INVALID_RESPONSE', 'REDIRECT', 'CLIENT_ERROR', 'GONE', 'SERVER_ERROR', 'ENDPOINT_DISABLED', 'EVENT_ERASED', 'INTERRUPTED'))
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoints" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"url" text NOT NULL,
	"description" varchar(255),
	"events" jsonb NOT NULL,
	"secrets" jsonb NOT NULL,
	"enabled" boolean NOT NULL,
	"disabled_reason" varchar(20),
	"disabled_at" timestamp with time zone,
	"from_sequence" bigint NOT NULL,
	"failing_since" timestamp with time zone,
	"last_failure_at" timestamp with time zone,
	"created_by" varchar(255) NOT NULL,
	"deleted_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "webhook_endpoints_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "webhook_endpoints_disabled_reason" CHECK ("webhook_endpoints"."disabled_reason" in ('SWITCHED_OFF', 'GONE', 'FAILING'))
);
--> statement-breakpoint
ALTER TABLE "webhook_cursors" ADD CONSTRAINT "webhook_cursors_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_endpoint" FOREIGN KEY ("tenant_id","endpoint_id") REFERENCES "public"."webhook_endpoints"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD CONSTRAINT "webhook_endpoints_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_webhook_deliveries_event" ON "webhook_deliveries" USING btree ("tenant_id","endpoint_id","event_id");--> statement-breakpoint
CREATE INDEX "ix_webhook_deliveries_due" ON "webhook_deliveries" USING btree ("tenant_id","endpoint_id","next_attempt_at") WHERE status = 'PENDING';--> statement-breakpoint
CREATE INDEX "ix_webhook_deliveries_created" ON "webhook_deliveries" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_webhook_deliveries_endpoint" ON "webhook_deliveries" USING btree ("tenant_id","endpoint_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_webhook_deliveries_failed" ON "webhook_deliveries" USING btree ("tenant_id","created_at","id") WHERE status = 'FAILED';--> statement-breakpoint
CREATE INDEX "ix_webhook_endpoints_created" ON "webhook_endpoints" USING btree ("tenant_id","created_at","id");
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['webhook_cursors', 'webhook_deliveries', 'webhook_endpoints']) as names (name);
--> statement-breakpoint
-- Requests begin a cursor and send again what was given up; how far a cursor has come, and what became of a delivery, the
-- worker alone says.
revoke update on webhook_cursors from lg_app;
--> statement-breakpoint
revoke update on webhook_deliveries from lg_app;
--> statement-breakpoint
grant update (status, next_attempt_at, attempt_count, last_error, finished_at) on webhook_deliveries to lg_app;
