CREATE TABLE "bulk_issue_results" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"bulk_issue_id" varchar(36) NOT NULL,
	"row_number" integer NOT NULL,
	"status" varchar(20) NOT NULL,
	"customer_id" varchar(36),
	"template_id" varchar(36),
	"issued_to" varchar(255),
	"license_id" varchar(36),
	"code" varchar(50),
	"message" text,
	"column_name" varchar(20),
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "bulk_issue_results_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "bulk_issue_results_status" CHECK ("bulk_issue_results"."status" in ('ISSUED', 'REFUSED', 'WAITING', 'ISSUABLE')),
	CONSTRAINT "bulk_issue_results_outcome" CHECK (("bulk_issue_results"."status" = 'ISSUED') = ("bulk_issue_results"."license_id" is not null) and ("bulk_issue_results"."status" = 'REFUSED') = ("bulk_issue_results"."code" is not null))
);
--> statement-breakpoint
CREATE TABLE "bulk_issues" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"status" varchar(20) NOT NULL,
	"mode" varchar(20) NOT NULL,
	"requested_by" varchar(255) NOT NULL,
	"reseller_id" varchar(36),
	"row_count" integer NOT NULL,
	"issued_count" integer DEFAULT 0 NOT NULL,
	"refused_count" integer DEFAULT 0 NOT NULL,
	"finished_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "bulk_issues_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "bulk_issues_status" CHECK ("bulk_issues"."status" in ('RUNNING', 'FINISHED')),
	CONSTRAINT "bulk_issues_mode" CHECK ("bulk_issues"."mode" in ('ROW_BY_ROW', 'ALL_OR_NOTHING')),
	CONSTRAINT "bulk_issues_finished" CHECK (("bulk_issues"."status" = 'FINISHED') = ("bulk_issues"."finished_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "license_pools" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"name" varchar(255) NOT NULL,
	"reseller_id" varchar(36) NOT NULL,
	"template_id" varchar(36) NOT NULL,
	"order_id" varchar(36),
	"terms" jsonb NOT NULL,
	"size" integer NOT NULL,
	"allocated" integer DEFAULT 0 NOT NULL,
	"returns_on_revoke" boolean DEFAULT true NOT NULL,
	"expires_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_pools_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "license_pools_size" CHECK ("license_pools"."size" between 0 and 1000000),
	CONSTRAINT "license_pools_allocated" CHECK ("license_pools"."allocated" between 0 and "license_pools"."size")
);
--> statement-breakpoint
CREATE TABLE "pool_allocations" (
	"tenant_id" varchar(50) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"pool_id" varchar(36) NOT NULL,
	"allocated_at" timestamp with time zone NOT NULL,
	"returned_at" timestamp with time zone,
	CONSTRAINT "pool_allocations_tenant_id_license_id_pk" PRIMARY KEY("tenant_id","license_id")
);
--> statement-breakpoint
ALTER TABLE "bulk_issue_results" ADD CONSTRAINT "bulk_issue_results_bulk_issue" FOREIGN KEY ("tenant_id","bulk_issue_id") REFERENCES "public"."bulk_issues"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_issue_results" ADD CONSTRAINT "bulk_issue_results_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_issue_results" ADD CONSTRAINT "bulk_issue_results_template" FOREIGN KEY ("tenant_id","template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_issue_results" ADD CONSTRAINT "bulk_issue_results_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_issues" ADD CONSTRAINT "bulk_issues_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bulk_issues" ADD CONSTRAINT "bulk_issues_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_pools" ADD CONSTRAINT "license_pools_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_pools" ADD CONSTRAINT "license_pools_template" FOREIGN KEY ("tenant_id","template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_pools" ADD CONSTRAINT "license_pools_order" FOREIGN KEY ("tenant_id","order_id") REFERENCES "public"."license_orders"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pool_allocations" ADD CONSTRAINT "pool_allocations_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "pool_allocations" ADD CONSTRAINT "pool_allocations_pool" FOREIGN KEY ("tenant_id","pool_id") REFERENCES "public"."license_pools"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_bulk_issue_results_bulk_issue" ON "bulk_issue_results" USING btree ("tenant_id","bulk_issue_id","id");--> statement-breakpoint
CREATE INDEX "ix_bulk_issue_results_waiting" ON "bulk_issue_results" USING btree ("tenant_id","bulk_issue_id","id") WHERE status = 'WAITING';--> statement-breakpoint
CREATE INDEX "ix_bulk_issues_tenant_created" ON "bulk_issues" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_bulk_issues_running" ON "bulk_issues" USING btree ("updated_at") WHERE status = 'RUNNING';--> statement-breakpoint
CREATE UNIQUE INDEX "ux_license_pools_order" ON "license_pools" USING btree ("tenant_id","order_id");--> statement-breakpoint
CREATE INDEX "ix_license_pools_tenant_reseller" ON "license_pools" USING btree ("tenant_id","reseller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_pools_tenant_template" ON "license_pools" USING btree ("tenant_id","template_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_pools_tenant_created" ON "license_pools" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_pool_allocations_pool" ON "pool_allocations" USING btree ("tenant_id","pool_id","allocated_at","license_id");--> statement-breakpoint
CREATE INDEX "ix_customers_tenant_email" ON "customers" USING btree ("tenant_id",lower("email"));--> statement-breakpoint
CREATE INDEX "ix_license_orders_started" ON "license_orders" USING btree ("updated_at") WHERE status = 'APPROVED' and payment_status = 'PAID' and started_at is not null;
--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array[
  'bulk_issues', 'bulk_issue_results', 'license_pools', 'pool_allocations'
]) as names (name);
--> statement-breakpoint
-- What was asked for, and what a pool is for, stays: only how far it has come is written on.
revoke update, delete on bulk_issues, bulk_issue_results, license_pools, pool_allocations from lg_app, lg_worker;
--> statement-breakpoint
grant update (status, issued_count, refused_count, finished_at, updated_at) on bulk_issues to lg_app, lg_worker;
--> statement-breakpoint
grant update (status, customer_id, template_id, issued_to, license_id, code, message, column_name, updated_at)
  on bulk_issue_results to lg_app, lg_worker;
--> statement-breakpoint
grant update (name, size, allocated, returns_on_revoke, expires_at, updated_at) on license_pools to lg_app, lg_worker;
--> statement-breakpoint
grant update (returned_at) on pool_allocations to lg_app, lg_worker;
--> statement-breakpoint
-- Jobs settle payments as well, and what follows a payment is queued by whoever settles it.
grant execute on function enqueue_job(text, json, text) to lg_worker;
