CREATE TABLE "license_terms" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"kind" varchar(20) NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"ends_at" timestamp with time zone,
	"duration_months" integer,
	"price" numeric(19, 4) NOT NULL,
	"currency" varchar(3) NOT NULL,
	"invoice_id" varchar(36),
	"superseded_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_terms_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "license_terms_kind" CHECK ("license_terms"."kind" in ('LICENSE', 'MAINTENANCE')),
	CONSTRAINT "license_terms_price" CHECK ("license_terms"."price" >= 0),
	CONSTRAINT "license_terms_span" CHECK ("license_terms"."ends_at" > "license_terms"."starts_at")
);
--> statement-breakpoint
CREATE TABLE "license_upgrades" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"from_template_id" varchar(36) NOT NULL,
	"from_version" integer NOT NULL,
	"to_template_id" varchar(36) NOT NULL,
	"to_version" integer NOT NULL,
	"status" varchar(20) NOT NULL,
	"invoice_id" varchar(36),
	"basis" jsonb NOT NULL,
	"total" numeric(19, 4) NOT NULL,
	"currency" varchar(3) NOT NULL,
	"is_waived" boolean NOT NULL,
	"requested_by" varchar(320) NOT NULL,
	"reason" text,
	"settled_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_upgrades_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "license_upgrades_status" CHECK ("license_upgrades"."status" in ('PENDING', 'DONE', 'CANCELLED', 'FAILED'))
);
--> statement-breakpoint
CREATE TABLE "license_template_versions" (
	"tenant_id" varchar(50) NOT NULL,
	"template_id" varchar(36) NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_template_versions_tenant_id_template_id_version_pk" PRIMARY KEY("tenant_id","template_id","version")
);
--> statement-breakpoint
ALTER TABLE "license_terms" ADD CONSTRAINT "license_terms_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_terms" ADD CONSTRAINT "license_terms_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_upgrades" ADD CONSTRAINT "license_upgrades_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_upgrades" ADD CONSTRAINT "license_upgrades_from_template" FOREIGN KEY ("tenant_id","from_template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_upgrades" ADD CONSTRAINT "license_upgrades_to_template" FOREIGN KEY ("tenant_id","to_template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_upgrades" ADD CONSTRAINT "license_upgrades_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_template_versions" ADD CONSTRAINT "license_template_versions_template" FOREIGN KEY ("tenant_id","template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_license_terms_license" ON "license_terms" USING btree ("tenant_id","license_id","starts_at");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_license_upgrades_pending" ON "license_upgrades" USING btree ("tenant_id","license_id") WHERE status = 'PENDING';--> statement-breakpoint
CREATE INDEX "ix_license_upgrades_license" ON "license_upgrades" USING btree ("tenant_id","license_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_license_upgrades_invoice" ON "license_upgrades" USING btree ("tenant_id","invoice_id");--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['license_template_versions', 'license_terms', 'license_upgrades']) as names (name);
--> statement-breakpoint
-- What a version said stays as it is.
revoke update, delete on license_template_versions from lg_app, lg_worker;
--> statement-breakpoint
-- Of the versions before this one nothing is on record but the one that each template has now.
insert into license_template_versions (tenant_id, template_id, version, content, created_at)
select tenant_id, id, version, to_jsonb(t) - array['tenant_id', 'id', 'version', 'created_at', 'updated_at'], updated_at
from license_templates t;
