CREATE TABLE "license_files" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"activation_id" varchar(36),
	"issued_by" varchar(255) NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_files_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "offline_requests" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"activation_id" varchar(36) NOT NULL,
	"nonce" varchar(64) NOT NULL,
	"made_at" timestamp with time zone NOT NULL,
	"signed_by" varchar(255) NOT NULL,
	"response" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"registered_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "offline_requests_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "revocation_lists" (
	"tenant_id" varchar(50) NOT NULL,
	"epoch" bigint NOT NULL,
	"content_hash" varchar(64) NOT NULL,
	"signed" text NOT NULL,
	"signed_at" timestamp with time zone NOT NULL,
	CONSTRAINT "revocation_lists_tenant_id_pk" PRIMARY KEY("tenant_id")
);
--> statement-breakpoint
ALTER TABLE "signing_keys" DROP CONSTRAINT "signing_keys_purpose";--> statement-breakpoint
ALTER TABLE "license_files" ADD CONSTRAINT "license_files_activation" FOREIGN KEY ("tenant_id","activation_id") REFERENCES "public"."license_activations"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_files" ADD CONSTRAINT "license_files_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "offline_requests" ADD CONSTRAINT "offline_requests_activation" FOREIGN KEY ("tenant_id","activation_id") REFERENCES "public"."license_activations"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "offline_requests" ADD CONSTRAINT "offline_requests_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "revocation_lists" ADD CONSTRAINT "revocation_lists_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_license_files_tenant_expires" ON "license_files" USING btree ("tenant_id","expires_at");--> statement-breakpoint
CREATE INDEX "ix_license_files_license" ON "license_files" USING btree ("tenant_id","license_id");--> statement-breakpoint
CREATE INDEX "ix_license_files_activation" ON "license_files" USING btree ("tenant_id","activation_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_offline_requests_nonce" ON "offline_requests" USING btree ("tenant_id","license_id","nonce");--> statement-breakpoint
CREATE INDEX "ix_offline_requests_activation" ON "offline_requests" USING btree ("tenant_id","activation_id");--> statement-breakpoint
ALTER TABLE "signing_keys" ADD CONSTRAINT "signing_keys_purpose" CHECK ("signing_keys"."purpose" in ('validation', 'licenseFile', 'offlineResponse', 'entitlementSet', 'auditCheckpoint', 'revocationList', 'offlineRequest'));--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['offline_requests', 'license_files', 'revocation_lists']) as names (name);
--> statement-breakpoint
-- What was handed out stays written: what no longer holds is found by it.
revoke update, delete on license_files from lg_app;
