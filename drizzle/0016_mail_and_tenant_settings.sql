CREATE TABLE "notifications" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"kind" varchar(30) NOT NULL,
	"status" varchar(20) NOT NULL,
	"recipient" varchar(320) NOT NULL,
	"language" varchar(5) NOT NULL,
	"time_zone" varchar(64) NOT NULL,
	"subject" varchar(500) NOT NULL,
	"variables" text,
	"license_id" varchar(36),
	"customer_id" varchar(36),
	"event_id" varchar(36) NOT NULL,
	"dedupe_key" varchar(200) NOT NULL,
	"message_id" varchar(255) NOT NULL,
	"transport" varchar(10),
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone,
	"sent_at" timestamp with time zone,
	"reason" varchar(500),
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "notifications_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "notifications_kind" CHECK ("notifications"."kind" in ('LICENSE_ISSUED', 'LICENSE_EXPIRING', 'LICENSE_SUSPENDED', 'RENEWAL_FAILED', 'VIOLATION_DETECTED', 'ORDER_FULFILLED', 'EMERGENCY_CODE_USED')),
	CONSTRAINT "notifications_status" CHECK ("notifications"."status" in ('PENDING', 'SENT', 'FAILED', 'SUPPRESSED')),
	CONSTRAINT "notifications_language" CHECK ("notifications"."language" in ('en', 'de', 'fr', 'es')),
	CONSTRAINT "notifications_transport" CHECK ("notifications"."transport" in ('SMTP', 'INBOX'))
);
--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "language" varchar(5);--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "time_zone" varchar(64);--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "receives_reminders" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "resellers" ADD COLUMN "language" varchar(5);--> statement-breakpoint
ALTER TABLE "resellers" ADD COLUMN "time_zone" varchar(64);--> statement-breakpoint
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_notifications_dedupe" ON "notifications" USING btree ("tenant_id","dedupe_key");--> statement-breakpoint
CREATE INDEX "ix_notifications_due" ON "notifications" USING btree ("tenant_id","next_attempt_at") WHERE "notifications"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "ix_notifications_created" ON "notifications" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_notifications_license" ON "notifications" USING btree ("tenant_id","license_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_notifications_customer" ON "notifications" USING btree ("tenant_id","customer_id","created_at","id");--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_language" CHECK ("customers"."language" in ('en', 'de', 'fr', 'es'));--> statement-breakpoint
ALTER TABLE "resellers" ADD CONSTRAINT "resellers_language" CHECK ("resellers"."language" in ('en', 'de', 'fr', 'es'));--> statement-breakpoint
select protect_tenant_table('notifications'::regclass);
--> statement-breakpoint
-- Mail is a reaction: whoever serves requests reads of it, and writes none.
revoke insert, update on notifications from lg_app;
--> statement-breakpoint
-- Settings that stood side by side stand in groups now.
update tenants set settings = (settings - array['company_name', 'support_email', 'personal_data_days'])
  || case when settings ?| array['company_name', 'support_email'] then jsonb_build_object('branding', jsonb_strip_nulls(
      jsonb_build_object('company_name', settings -> 'company_name', 'support_email', settings -> 'support_email')))
    else '{}' end
  || case when settings ? 'personal_data_days'
    then jsonb_build_object('retention', jsonb_build_object('personal_data_days', settings -> 'personal_data_days'))
    else '{}' end;
