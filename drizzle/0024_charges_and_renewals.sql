CREATE TABLE "charges" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"kind" varchar(10) NOT NULL,
	"invoice_id" varchar(36) NOT NULL,
	"payment_id" varchar(36),
	"attempt" integer NOT NULL,
	"processor" varchar(20) NOT NULL,
	"account" varchar(36) NOT NULL,
	"payer" varchar(255),
	"method" varchar(255) NOT NULL,
	"amount" numeric(19, 4) NOT NULL,
	"currency" varchar(3) NOT NULL,
	"status" varchar(10) NOT NULL,
	"asks" integer DEFAULT 0 NOT NULL,
	"ask_at" timestamp with time zone,
	"reference" varchar(255),
	"failure" varchar(100),
	"answered_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "charges_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "charges_kind" CHECK ("charges"."kind" in ('CHARGE', 'REFUND')),
	CONSTRAINT "charges_processor" CHECK ("charges"."processor" in ('MANUAL', 'STRIPE', 'PAYPAL', 'BILLING')),
	CONSTRAINT "charges_status" CHECK ("charges"."status" in ('ASKING', 'PENDING', 'SUCCEEDED', 'DECLINED')),
	CONSTRAINT "charges_amount" CHECK ("charges"."amount" > 0),
	CONSTRAINT "charges_open" CHECK (("charges"."ask_at" is not null) = ("charges"."status" in ('ASKING', 'PENDING'))
        and ("charges"."payment_id" is not null) = ("charges"."kind" = 'REFUND'))
);
--> statement-breakpoint
CREATE TABLE "payment_methods" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"customer_id" varchar(36) NOT NULL,
	"processor" varchar(20) NOT NULL,
	"account" varchar(36) NOT NULL,
	"payer" varchar(255) NOT NULL,
	"method" varchar(255) NOT NULL,
	"label" varchar(100) NOT NULL,
	"expires_at" timestamp with time zone,
	"set_by" varchar(255) NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payment_methods_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "payment_methods_processor" CHECK ("payment_methods"."processor" in ('MANUAL', 'STRIPE', 'PAYPAL', 'BILLING'))
);
--> statement-breakpoint
CREATE TABLE "renewals" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"expiry_date" timestamp with time zone,
	"template_id" varchar(36),
	"way" varchar(10) NOT NULL,
	"status" varchar(10) NOT NULL,
	"reason" varchar(30),
	"invoice_id" varchar(36),
	"duration_months" integer NOT NULL,
	"extend_maintenance" boolean DEFAULT false NOT NULL,
	"upgrade_features" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"renewed_from" timestamp with time zone,
	"renewed_to" timestamp with time zone,
	"maintenance_from" timestamp with time zone,
	"maintenance_to" timestamp with time zone,
	"attempts" integer DEFAULT 0 NOT NULL,
	"first_failed_at" timestamp with time zone,
	"next_attempt_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "renewals_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "renewals_way" CHECK ("renewals"."way" in ('AUTOMATIC', 'BY_HAND')),
	CONSTRAINT "renewals_status" CHECK ("renewals"."status" in ('OPEN', 'RENEWED', 'CANCELLED', 'SKIPPED', 'UNSETTLED', 'REFUNDED')),
	CONSTRAINT "renewals_reason" CHECK ("renewals"."reason" in ('CARD_DECLINED', 'INSUFFICIENT_FUNDS', 'CARD_EXPIRED', 'AUTHENTICATION_REQUIRED', 'NO_PAYMENT_METHOD', 'NO_PRICE', 'NOT_RENEWABLE', 'TRANSFERRED')),
	CONSTRAINT "renewals_duration" CHECK ("renewals"."duration_months" between 1 and 60)
);
--> statement-breakpoint
ALTER TABLE "charges" ADD CONSTRAINT "charges_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "charges" ADD CONSTRAINT "charges_payment" FOREIGN KEY ("tenant_id","payment_id") REFERENCES "public"."payments"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_methods" ADD CONSTRAINT "payment_methods_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "renewals" ADD CONSTRAINT "renewals_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "renewals" ADD CONSTRAINT "renewals_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "renewals" ADD CONSTRAINT "renewals_template" FOREIGN KEY ("tenant_id","template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_charges_attempt" ON "charges" USING btree ("tenant_id","invoice_id","attempt") WHERE kind = 'CHARGE';--> statement-breakpoint
CREATE UNIQUE INDEX "ux_charges_open" ON "charges" USING btree ("tenant_id","invoice_id") WHERE kind = 'CHARGE' and status in ('ASKING', 'PENDING');--> statement-breakpoint
CREATE UNIQUE INDEX "ux_charges_refund" ON "charges" USING btree ("tenant_id","payment_id");--> statement-breakpoint
CREATE INDEX "ix_charges_ask" ON "charges" USING btree ("ask_at") WHERE ask_at is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_payment_methods_customer" ON "payment_methods" USING btree ("tenant_id","customer_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_renewals_term" ON "renewals" USING btree ("tenant_id","license_id","expiry_date") WHERE way = 'AUTOMATIC' and status <> 'CANCELLED';--> statement-breakpoint
CREATE UNIQUE INDEX "ux_renewals_open" ON "renewals" USING btree ("tenant_id","license_id") WHERE status = 'OPEN';--> statement-breakpoint
CREATE UNIQUE INDEX "ux_renewals_invoice" ON "renewals" USING btree ("tenant_id","invoice_id");--> statement-breakpoint
CREATE INDEX "ix_renewals_open" ON "renewals" USING btree ("tenant_id","id") WHERE status = 'OPEN';--> statement-breakpoint
CREATE INDEX "ix_renewals_next" ON "renewals" USING btree ("next_attempt_at") WHERE next_attempt_at is not null;--> statement-breakpoint
CREATE INDEX "ix_licenses_auto_renewal" ON "licenses" USING btree ("expiry_date") WHERE auto_renewal and status in ('ACTIVE', 'EXPIRED') and expiry_date is not null;--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['charges', 'payment_methods', 'renewals']) as names (name);
--> statement-breakpoint
-- What was asked for, and what was begun, stays: only how far it has come is written on.
revoke update, delete on charges from lg_app, lg_worker;
--> statement-breakpoint
grant update (status, asks, ask_at, reference, failure, answered_at, updated_at) on charges to lg_app, lg_worker;
--> statement-breakpoint
revoke delete on renewals from lg_app, lg_worker;
