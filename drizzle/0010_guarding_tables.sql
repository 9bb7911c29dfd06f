CREATE TABLE "device_blacklist" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"entry_id" varchar(36) NOT NULL,
	"device_fingerprint" varchar(255) NOT NULL,
	"reason" text NOT NULL,
	"created_by" varchar(255) NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"lifted_at" timestamp with time zone,
	"lifted_by" varchar(255),
	CONSTRAINT "device_blacklist_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "emergency_codes" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"code_hash" varchar(100) NOT NULL,
	"reason" text NOT NULL,
	"created_by" varchar(255) NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"activation_id" varchar(36),
	CONSTRAINT "emergency_codes_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "security_incidents" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"activity_type" varchar(30) NOT NULL,
	"source" varchar(10) NOT NULL,
	"license_id" varchar(36),
	"activation_id" varchar(36),
	"description" text NOT NULL,
	"evidence" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"reported_by" varchar(255),
	"window_key" varchar(200),
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "security_incidents_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "security_incidents_activity_type" CHECK ("security_incidents"."activity_type" in ('MULTIPLE_ACTIVATIONS', 'UNUSUAL_LOCATION', 'TAMPERING_ATTEMPT', 'API_ABUSE')),
	CONSTRAINT "security_incidents_source" CHECK ("security_incidents"."source" in ('REPORTED', 'DETECTED'))
);
--> statement-breakpoint
ALTER TABLE "signing_keys" DROP CONSTRAINT "signing_keys_purpose";--> statement-breakpoint
DROP INDEX "ux_activations_device";--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "reported_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "licenses" ADD COLUMN "seal" jsonb;--> statement-breakpoint
ALTER TABLE "device_blacklist" ADD CONSTRAINT "device_blacklist_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emergency_codes" ADD CONSTRAINT "emergency_codes_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "emergency_codes" ADD CONSTRAINT "emergency_codes_activation" FOREIGN KEY ("tenant_id","activation_id") REFERENCES "public"."license_activations"("tenant_id","id") ON DELETE set null ("activation_id") ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "security_incidents" ADD CONSTRAINT "security_incidents_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "security_incidents" ADD CONSTRAINT "security_incidents_activation" FOREIGN KEY ("tenant_id","activation_id") REFERENCES "public"."license_activations"("tenant_id","id") ON DELETE set null ("activation_id") ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_device_blacklist_device" ON "device_blacklist" USING btree ("tenant_id","device_fingerprint") WHERE "device_blacklist"."lifted_at" is null;--> statement-breakpoint
CREATE INDEX "ix_device_blacklist_created" ON "device_blacklist" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_device_blacklist_entry" ON "device_blacklist" USING btree ("tenant_id","entry_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_emergency_codes_hash" ON "emergency_codes" USING btree ("tenant_id","code_hash");--> statement-breakpoint
CREATE INDEX "ix_emergency_codes_license" ON "emergency_codes" USING btree ("tenant_id","license_id","created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_security_incidents_window" ON "security_incidents" USING btree ("tenant_id","window_key");--> statement-breakpoint
CREATE INDEX "ix_security_incidents_created" ON "security_incidents" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_security_incidents_license" ON "security_incidents" USING btree ("tenant_id","license_id","created_at");--> statement-breakpoint
CREATE INDEX "ix_activations_reported" ON "license_activations" USING btree ("tenant_id","reported_at") WHERE "license_activations"."reported_at" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_activations_device" ON "license_activations" USING btree ("tenant_id","license_id","device_fingerprint",("activation_type" = 'EMERGENCY')) WHERE "license_activations"."status" = 'ACTIVE';--> statement-breakpoint
ALTER TABLE "signing_keys" ADD CONSTRAINT "signing_keys_purpose" CHECK ("signing_keys"."purpose" in ('validation', 'licenseFile', 'offlineResponse', 'entitlementSet', 'auditCheckpoint', 'revocationList', 'licenseCertificate', 'offlineRequest'));--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['device_blacklist', 'emergency_codes', 'security_incidents']) as names (name);
--> statement-breakpoint
-- What was written of a device, a code or an incident stays: a device is let off, a code is used, and that is all.
revoke update on device_blacklist, emergency_codes, security_incidents from lg_app;
--> statement-breakpoint
grant update (lifted_at, lifted_by) on device_blacklist to lg_app;
--> statement-breakpoint
grant update (used_at, activation_id) on emergency_codes to lg_app;
--> statement-breakpoint
update license_activations set reported_at = activated_at
where ip_address is not null or location is not null or user_agent is not null;
