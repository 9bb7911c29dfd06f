CREATE TABLE "earlier_tokens" (
	"tenant_id" varchar(50) NOT NULL,
	"token_hash" varchar(100) NOT NULL,
	"activation_id" varchar(36) NOT NULL,
	"place" integer NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	CONSTRAINT "earlier_tokens_tenant_id_token_hash_pk" PRIMARY KEY("tenant_id","token_hash")
);
--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "seat_freed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "borrowed_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "seats_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "lease_seconds" integer;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "max_borrow_hours" integer;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "max_deactivations_per_year" integer;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "deactivations" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "deactivations_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "license_templates" ADD COLUMN "lease_seconds" integer;--> statement-breakpoint
ALTER TABLE "license_templates" ADD COLUMN "max_borrow_hours" integer;--> statement-breakpoint
ALTER TABLE "license_templates" ADD COLUMN "max_deactivations_per_year" integer;--> statement-breakpoint
ALTER TABLE "earlier_tokens" ADD CONSTRAINT "earlier_tokens_activation" FOREIGN KEY ("tenant_id","activation_id") REFERENCES "public"."license_activations"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_earlier_tokens_place" ON "earlier_tokens" USING btree ("tenant_id","activation_id","place");--> statement-breakpoint
CREATE INDEX "ix_earlier_tokens_end" ON "earlier_tokens" USING btree ("tenant_id","ends_at");--> statement-breakpoint
CREATE INDEX "ix_activations_seats" ON "license_activations" USING btree ("tenant_id","license_id",coalesce("user_ref", "device_fingerprint")) WHERE "license_activations"."status" = 'ACTIVE' and "license_activations"."activation_type" <> 'EMERGENCY' and "license_activations"."seat_freed_at" is null;--> statement-breakpoint
ALTER TABLE "licenses" ADD CONSTRAINT "licenses_leases" CHECK ("licenses"."lease_seconds" > 0 and "licenses"."max_borrow_hours" >= 0 and "licenses"."max_deactivations_per_year" >= 0);--> statement-breakpoint
select protect_tenant_table('earlier_tokens'::regclass);
--> statement-breakpoint
insert into earlier_tokens (tenant_id, token_hash, activation_id, place, ends_at)
select tenant_id, previous_token_hash, id, 1, previous_token_until from license_activations
where previous_token_hash is not null and previous_token_until is not null;
--> statement-breakpoint
-- What is in use is counted anew by whoever asks next.
update licenses set seats_until = '1970-01-01T00:00:00Z'
where exists (
  select 1 from license_activations as held
  where held.tenant_id = licenses.tenant_id and held.license_id = licenses.id and held.status = 'ACTIVE'
);
