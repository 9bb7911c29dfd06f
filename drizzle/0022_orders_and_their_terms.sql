-- No act has made an order before: a table with rows in it would need terms that nobody can tell by now.
CREATE TABLE "order_renewals" (
	"tenant_id" varchar(50) NOT NULL,
	"order_id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"renewed_at" timestamp with time zone,
	CONSTRAINT "order_renewals_tenant_id_order_id_license_id_pk" PRIMARY KEY("tenant_id","order_id","license_id")
);
--> statement-breakpoint
ALTER TABLE "license_orders" ALTER COLUMN "discount_applied" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "template_version" integer NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "terms" jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "duration_months" integer;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "taxes" jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "lines" jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "subtotal" numeric(19, 4) NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "tax" numeric(19, 4) NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "is_renewal" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "ordered_by" varchar(255) NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "ordered_by_persons" jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "needs_second_person" boolean NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "paid_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "refunded_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "approved_by" varchar(255);--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "approved_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "approval_notes" text;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "cancelled_by" varchar(255);--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "cancelled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "cancellation_reason" text;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "started_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "fulfillment_error" varchar(50);--> statement-breakpoint
ALTER TABLE "order_renewals" ADD CONSTRAINT "order_renewals_order" FOREIGN KEY ("tenant_id","order_id") REFERENCES "public"."license_orders"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "order_renewals" ADD CONSTRAINT "order_renewals_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_order_renewals_license" ON "order_renewals" USING btree ("tenant_id","license_id","order_id");--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_license_orders_invoice" ON "license_orders" USING btree ("tenant_id","invoice_id");--> statement-breakpoint
CREATE INDEX "ix_license_orders_tenant_reseller" ON "license_orders" USING btree ("tenant_id","reseller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_orders_tenant_template" ON "license_orders" USING btree ("tenant_id","template_id","created_at","id");--> statement-breakpoint
ALTER TABLE "license_orders" DROP COLUMN "generated_licenses";--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_quantity" CHECK ("license_orders"."quantity" between 1 and 100000);--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_amounts" CHECK ("license_orders"."subtotal" >= 0 and "license_orders"."discount_applied" >= 0 and "license_orders"."tax" >= 0 and "license_orders"."total_amount" >= 0);--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_steps" CHECK (("license_orders"."status" = 'FULFILLED') = ("license_orders"."fulfilled_at" is not null)
        and ("license_orders"."status" = 'CANCELLED') = ("license_orders"."cancelled_at" is not null)
        and ("license_orders"."status" not in ('APPROVED', 'FULFILLED') or "license_orders"."approved_at" is not null)
        and ("license_orders"."status" <> 'PENDING' or "license_orders"."approved_at" is null));
--> statement-breakpoint
select protect_tenant_table('order_renewals'::regclass);
--> statement-breakpoint
-- What was ordered stays as it is: only how far it has come is written on.
revoke update, delete on license_orders, order_renewals from lg_app, lg_worker;
--> statement-breakpoint
grant update (status, payment_status, paid_at, refunded_at, approved_by, approved_at, approval_notes, cancelled_by, cancelled_at,
    cancellation_reason, started_at, fulfillment_error, fulfilled_at, updated_at)
  on license_orders to lg_app, lg_worker;
--> statement-breakpoint
grant update (renewed_at) on order_renewals to lg_app, lg_worker;
