DROP INDEX "ix_licenses_product_status";--> statement-breakpoint
DROP INDEX "ix_licenses_tenant_expiry";--> statement-breakpoint
DROP INDEX "ix_licenses_tenant_reseller";--> statement-breakpoint
DROP INDEX "ix_licenses_tenant_order";--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "held_since" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
UPDATE "licenses" SET "held_since" = "created_at";--> statement-breakpoint
CREATE INDEX "ix_customers_tenant_reseller" ON "customers" USING btree ("tenant_id","reseller_id","name","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_template" ON "licenses" USING btree ("tenant_id","template_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_product" ON "licenses" USING btree ("tenant_id","product_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_issued" ON "licenses" USING btree ("tenant_id","issued_date","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_issued_to" ON "licenses" USING btree ("tenant_id","issued_to","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_expiry_desc" ON "licenses" USING btree ("tenant_id",coalesce("expiry_date", '-infinity'::timestamptz),"id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_expiry" ON "licenses" USING btree ("tenant_id",coalesce("expiry_date", 'infinity'::timestamptz),"id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_reseller" ON "licenses" USING btree ("tenant_id","reseller_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_order" ON "licenses" USING btree ("tenant_id","order_id","created_at","id");