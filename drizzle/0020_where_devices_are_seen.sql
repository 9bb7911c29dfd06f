ALTER TABLE "archived_activations" ADD COLUMN "seen_country" varchar(2);--> statement-breakpoint
ALTER TABLE "archived_activations" ADD COLUMN "seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "archived_activations" ADD COLUMN "travelled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "seen_country" varchar(2);--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "travelled_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "ix_emergency_codes_created" ON "emergency_codes" USING btree ("tenant_id","created_at");--> statement-breakpoint
CREATE INDEX "ix_offline_requests_expires" ON "offline_requests" USING btree ("tenant_id","expires_at");