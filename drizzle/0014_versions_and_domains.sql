CREATE TABLE "product_versions" (
	"tenant_id" varchar(50) NOT NULL,
	"product_id" varchar(50) NOT NULL,
	"version" varchar(50) NOT NULL,
	"released_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "product_versions_tenant_id_product_id_version_pk" PRIMARY KEY("tenant_id","product_id","version")
);
--> statement-breakpoint
ALTER TABLE "license_activations" ADD COLUMN "domain" varchar(253);--> statement-breakpoint
ALTER TABLE "product_versions" ADD CONSTRAINT "product_versions_product" FOREIGN KEY ("tenant_id","product_id") REFERENCES "public"."billing_products"("tenant_id","product_id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
select protect_tenant_table('product_versions'::regclass);
