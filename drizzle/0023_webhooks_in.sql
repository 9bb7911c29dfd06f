CREATE TABLE "inbound_bodies" (
	"webhook_id" varchar(36) PRIMARY KEY NOT NULL,
	"body" text NOT NULL,
	"received_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "inbound_webhooks" (
	"id" varchar(36) PRIMARY KEY NOT NULL,
	"tenant_id" varchar(50),
	"endpoint_id" varchar(36),
	"processor" varchar(20) NOT NULL,
	"source" varchar(36) NOT NULL,
	"event_id" varchar(255) NOT NULL,
	"transmission" varchar(255),
	"event_type" varchar(255) NOT NULL,
	"status" varchar(20) NOT NULL,
	"reason" varchar(30),
	"invoice_ref" varchar(36),
	"invoice_id" varchar(36),
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone,
	"received_at" timestamp with time zone NOT NULL,
	"processed_at" timestamp with time zone,
	CONSTRAINT "inbound_webhooks_processor" CHECK ("inbound_webhooks"."processor" in ('STRIPE', 'PAYPAL', 'BILLING')),
	CONSTRAINT "inbound_webhooks_status" CHECK ("inbound_webhooks"."status" in ('RECEIVED', 'PROCESSED', 'IGNORED', 'UNMATCHED', 'FAILED')),
	CONSTRAINT "inbound_webhooks_reason" CHECK ("inbound_webhooks"."reason" in ('UNKNOWN_INVOICE', 'CURRENCY_MISMATCH', 'UNREADABLE', 'DISPUTED', 'REFUND_FAILED', 'PROCESSING_FAILED'))
);
--> statement-breakpoint
CREATE TABLE "payment_endpoints" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"processor" varchar(20) NOT NULL,
	"description" varchar(255),
	"secrets" jsonb NOT NULL,
	"api_key" text,
	"enabled" boolean NOT NULL,
	"created_by" varchar(255) NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payment_endpoints_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "payment_endpoints_processor" CHECK ("payment_endpoints"."processor" in ('STRIPE', 'PAYPAL', 'BILLING'))
);
--> statement-breakpoint
CREATE TABLE "told_refunds" (
	"tenant_id" varchar(50) NOT NULL,
	"processor" varchar(20) NOT NULL,
	"payment" varchar(255) NOT NULL,
	"reference" varchar(255) NOT NULL,
	"amount" numeric(19, 4) NOT NULL,
	CONSTRAINT "told_refunds_tenant_id_processor_payment_reference_pk" PRIMARY KEY("tenant_id","processor","payment","reference"),
	CONSTRAINT "told_refunds_processor" CHECK ("told_refunds"."processor" in ('STRIPE', 'PAYPAL', 'BILLING'))
);
--> statement-breakpoint
ALTER TABLE "key_directory" DROP CONSTRAINT "key_directory_kind";--> statement-breakpoint
ALTER TABLE "inbound_bodies" ADD CONSTRAINT "inbound_bodies_webhook" FOREIGN KEY ("webhook_id") REFERENCES "public"."inbound_webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD CONSTRAINT "inbound_webhooks_endpoint" FOREIGN KEY ("tenant_id","endpoint_id") REFERENCES "public"."payment_endpoints"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_endpoints" ADD CONSTRAINT "payment_endpoints_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "told_refunds" ADD CONSTRAINT "told_refunds_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_inbound_bodies_received" ON "inbound_bodies" USING btree ("received_at");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_inbound_webhooks_event" ON "inbound_webhooks" USING btree ("processor","source","event_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_inbound_webhooks_transmission" ON "inbound_webhooks" USING btree ("processor","source","transmission") WHERE transmission is not null;--> statement-breakpoint
CREATE INDEX "ix_inbound_webhooks_received" ON "inbound_webhooks" USING btree ("tenant_id","received_at","id");--> statement-breakpoint
CREATE INDEX "ix_inbound_webhooks_due" ON "inbound_webhooks" USING btree ("next_attempt_at") WHERE next_attempt_at is not null;--> statement-breakpoint
CREATE INDEX "ix_inbound_webhooks_invoice" ON "inbound_webhooks" USING btree ("invoice_ref") WHERE status = 'UNMATCHED';--> statement-breakpoint
CREATE INDEX "ix_payment_endpoints_created" ON "payment_endpoints" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
ALTER TABLE "key_directory" ADD CONSTRAINT "key_directory_kind" CHECK ("key_directory"."kind" in ('LICENSE_KEY', 'ACTIVATION_TOKEN', 'API_KEY', 'PAYMENT_REFERENCE', 'PAYMENT_ENDPOINT'));
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['payment_endpoints', 'told_refunds']) as names (name);
--> statement-breakpoint
-- What was told of refunds only the worker adds up.
revoke insert, update on told_refunds from lg_app;
--> statement-breakpoint
-- No tenant's until its invoice is found: the worker stores and processes it. A tenant sees what is its own, and has it tried
-- again; nobody but the worker sees what is nobody's.
alter table inbound_webhooks enable row level security;
--> statement-breakpoint
alter table inbound_webhooks force row level security;
--> statement-breakpoint
create policy tenant_only on inbound_webhooks for all to lg_app
  using (tenant_id = current_setting('app.tenant', true)) with check (tenant_id = current_setting('app.tenant', true));
--> statement-breakpoint
create policy all_tenants on inbound_webhooks for all to lg_worker using (true) with check (true);
--> statement-breakpoint
create policy backfill on inbound_webhooks for all to lg_owner using (true) with check (true);
--> statement-breakpoint
grant select, update (status, reason, attempts, next_attempt_at, processed_at) on inbound_webhooks to lg_app;
--> statement-breakpoint
grant select, insert, update, delete on inbound_webhooks to lg_worker;
--> statement-breakpoint
alter table inbound_bodies enable row level security;
--> statement-breakpoint
alter table inbound_bodies force row level security;
--> statement-breakpoint
-- Whoever sees the webhook sees what it said: the table that is asked here is under its own policy.
create policy tenant_only on inbound_bodies for select to lg_app
  using (exists (select from inbound_webhooks where id = webhook_id));
--> statement-breakpoint
create policy all_tenants on inbound_bodies for all to lg_worker using (true) with check (true);
--> statement-breakpoint
create policy backfill on inbound_bodies for all to lg_owner using (true) with check (true);
--> statement-breakpoint
grant select on inbound_bodies to lg_app;
--> statement-breakpoint
grant select, insert, delete on inbound_bodies to lg_worker;
