CREATE TABLE "invoices" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"number" varchar(50) NOT NULL,
	"purpose" varchar(20) NOT NULL,
	"customer_id" varchar(36),
	"reseller_id" varchar(36),
	"license_id" varchar(36),
	"bill_to" varchar(255) NOT NULL,
	"seller" jsonb NOT NULL,
	"currency" varchar(3) NOT NULL,
	"lines" jsonb NOT NULL,
	"subtotal" numeric(19, 4) NOT NULL,
	"discount" numeric(19, 4) NOT NULL,
	"tax" numeric(19, 4) NOT NULL,
	"total" numeric(19, 4) NOT NULL,
	"due_at" timestamp with time zone,
	"amount_paid" numeric(19, 4) DEFAULT '0' NOT NULL,
	"amount_refunded" numeric(19, 4) DEFAULT '0' NOT NULL,
	"payment_status" varchar(20) NOT NULL,
	"failed_at" timestamp with time zone,
	"failure_reason" varchar(500),
	"paid_at" timestamp with time zone,
	"voided_at" timestamp with time zone,
	"void_reason" text,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "invoices_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "invoices_purpose" CHECK ("invoices"."purpose" in ('ORDER', 'RENEWAL', 'UPGRADE')),
	CONSTRAINT "invoices_payment_status" CHECK ("invoices"."payment_status" in ('PENDING', 'PAID', 'PARTIAL', 'FAILED', 'REFUNDED')),
	CONSTRAINT "invoices_amounts" CHECK ("invoices"."subtotal" >= 0 and "invoices"."discount" >= 0 and "invoices"."tax" >= 0 and "invoices"."total" >= 0
        and "invoices"."amount_paid" >= 0 and "invoices"."amount_refunded" >= 0),
	CONSTRAINT "invoices_standing" CHECK ("invoices"."payment_status" = case
        when "invoices"."amount_paid" > 0 and "invoices"."amount_refunded" >= "invoices"."amount_paid" then 'REFUNDED'
        when "invoices"."amount_paid" >= "invoices"."total" then 'PAID'
        when "invoices"."amount_paid" > 0 then 'PARTIAL'
        when "invoices"."failed_at" is not null then 'FAILED'
        else 'PENDING' end)
);
--> statement-breakpoint
CREATE TABLE "number_series" (
	"tenant_id" varchar(50) NOT NULL,
	"series" varchar(10) NOT NULL,
	"year" integer NOT NULL,
	"last" integer NOT NULL,
	CONSTRAINT "number_series_tenant_id_series_year_pk" PRIMARY KEY("tenant_id","series","year"),
	CONSTRAINT "number_series_series" CHECK ("number_series"."series" in ('INV', 'ORD'))
);
--> statement-breakpoint
CREATE TABLE "payments" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"invoice_id" varchar(36) NOT NULL,
	"kind" varchar(10) NOT NULL,
	"state" varchar(10) NOT NULL,
	"processor" varchar(20) NOT NULL,
	"reference" varchar(255),
	"amount" numeric(19, 4) NOT NULL,
	"currency" varchar(3) NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"note" text,
	"refund_of" varchar(36),
	"recorded_by" varchar(255) NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payments_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "payments_kind" CHECK ("payments"."kind" in ('PAYMENT', 'REFUND')),
	CONSTRAINT "payments_state" CHECK ("payments"."state" in ('PENDING', 'SETTLED', 'FAILED')),
	CONSTRAINT "payments_processor" CHECK ("payments"."processor" in ('MANUAL', 'STRIPE', 'PAYPAL', 'BILLING')),
	CONSTRAINT "payments_amount" CHECK ("payments"."amount" > 0)
);
--> statement-breakpoint
ALTER TABLE "key_directory" DROP CONSTRAINT "key_directory_kind";--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "number_series" ADD CONSTRAINT "number_series_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payments" ADD CONSTRAINT "payments_refund_of" FOREIGN KEY ("tenant_id","refund_of") REFERENCES "public"."payments"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_invoices_number" ON "invoices" USING btree ("tenant_id","number");--> statement-breakpoint
CREATE INDEX "ix_invoices_created" ON "invoices" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_invoices_customer" ON "invoices" USING btree ("tenant_id","customer_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_invoices_reseller" ON "invoices" USING btree ("tenant_id","reseller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_invoices_license" ON "invoices" USING btree ("tenant_id","license_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_invoices_due" ON "invoices" USING btree ("tenant_id","due_at","id") WHERE payment_status in ('PENDING', 'PARTIAL', 'FAILED') and voided_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_payments_reference" ON "payments" USING btree ("tenant_id","processor","kind","reference") WHERE reference is not null;--> statement-breakpoint
CREATE INDEX "ix_payments_invoice" ON "payments" USING btree ("tenant_id","invoice_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_payments_refund_of" ON "payments" USING btree ("tenant_id","refund_of");--> statement-breakpoint
ALTER TABLE "key_directory" ADD CONSTRAINT "key_directory_kind" CHECK ("key_directory"."kind" in ('LICENSE_KEY', 'ACTIVATION_TOKEN', 'API_KEY', 'PAYMENT_REFERENCE'));
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['invoices', 'number_series', 'payments']) as names (name);
--> statement-breakpoint
-- What was billed, and that money came or went, stays as it is: only how far it has come is written on.
revoke update, delete on invoices, payments from lg_app, lg_worker;
--> statement-breakpoint
grant update (amount_paid, amount_refunded, payment_status, failed_at, failure_reason, paid_at, voided_at, void_reason, updated_at)
  on invoices to lg_app, lg_worker;
--> statement-breakpoint
grant update (state, reference, amount, received_at, note, updated_at) on payments to lg_app, lg_worker;
