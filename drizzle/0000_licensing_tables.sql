CREATE TABLE "customers" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"reseller_id" varchar(36),
	"external_id" varchar(255),
	"name" varchar(255) NOT NULL,
	"email" varchar(320),
	"status" varchar(20) DEFAULT 'ACTIVE' NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "customers_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "customers_status" CHECK ("customers"."status" in ('ACTIVE', 'INACTIVE'))
);
--> statement-breakpoint
CREATE TABLE "key_directory" (
	"hash" varchar(100) PRIMARY KEY NOT NULL,
	"kind" varchar(20) NOT NULL,
	"tenant_id" varchar(50) NOT NULL,
	"subject_id" varchar(36) NOT NULL,
	CONSTRAINT "key_directory_kind" CHECK ("key_directory"."kind" in ('LICENSE_KEY', 'ACTIVATION_TOKEN'))
);
--> statement-breakpoint
CREATE TABLE "resellers" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"name" varchar(255) NOT NULL,
	"email" varchar(320),
	"status" varchar(20) DEFAULT 'ACTIVE' NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "resellers_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "resellers_status" CHECK ("resellers"."status" in ('ACTIVE', 'INACTIVE'))
);
--> statement-breakpoint
CREATE TABLE "tenants" (
	"id" varchar(50) PRIMARY KEY NOT NULL,
	"name" varchar(255) NOT NULL,
	"settings" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "license_activations" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"activation_token_hash" varchar(100) NOT NULL,
	"activation_token_hint" varchar(4) NOT NULL,
	"previous_token_hash" varchar(100),
	"previous_token_until" timestamp with time zone,
	"device_fingerprint" varchar(255) NOT NULL,
	"hardware_id" varchar(255),
	"mac_address" varchar(100),
	"machine_name" varchar(255),
	"ip_address" varchar(50),
	"operating_system" varchar(100),
	"user_agent" varchar(500),
	"application_version" varchar(50) NOT NULL,
	"activation_type" varchar(20) DEFAULT 'ONLINE' NOT NULL,
	"status" varchar(20) DEFAULT 'ACTIVE' NOT NULL,
	"user_ref" varchar(255),
	"units" integer DEFAULT 1 NOT NULL,
	"activated_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	"lease_expires_at" timestamp with time zone,
	"last_heartbeat" timestamp with time zone,
	"deactivated_at" timestamp with time zone,
	"deactivation_reason" text,
	"location" jsonb,
	"usage_metrics" jsonb,
	"feature_usage" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_activations_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "license_activations_activation_type" CHECK ("license_activations"."activation_type" in ('ONLINE', 'OFFLINE', 'EMERGENCY')),
	CONSTRAINT "license_activations_status" CHECK ("license_activations"."status" in ('ACTIVE', 'DEACTIVATED', 'SUSPENDED', 'EXPIRED')),
	CONSTRAINT "license_activations_units" CHECK ("license_activations"."units" >= 1)
);
--> statement-breakpoint
CREATE TABLE "license_event_logs" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"event_type" varchar(50) NOT NULL,
	"subject_id" varchar(50) NOT NULL,
	"license_id" varchar(36),
	"activation_id" varchar(36),
	"user_id" varchar(255),
	"ip_address" varchar(50),
	"event_data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_event_logs_tenant_id_id_pk" PRIMARY KEY("tenant_id","id")
);
--> statement-breakpoint
CREATE TABLE "compliance_audits" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"audit_type" varchar(20) NOT NULL,
	"customer_id" varchar(36),
	"product_ids" jsonb NOT NULL,
	"audit_scope" varchar(20) NOT NULL,
	"status" varchar(20) DEFAULT 'SCHEDULED' NOT NULL,
	"auditor_id" varchar(255) NOT NULL,
	"audit_date" timestamp with time zone NOT NULL,
	"findings" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"violations" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"compliance_score" double precision,
	"recommendations" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"follow_up_required" boolean DEFAULT false NOT NULL,
	"follow_up_date" timestamp with time zone,
	"report_url" varchar(500),
	"completed_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "compliance_audits_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "compliance_audits_audit_type" CHECK ("compliance_audits"."audit_type" in ('SCHEDULED', 'RANDOM', 'COMPLAINT_DRIVEN', 'RENEWAL')),
	CONSTRAINT "compliance_audits_audit_scope" CHECK ("compliance_audits"."audit_scope" in ('FULL', 'PARTIAL', 'SPOT_CHECK')),
	CONSTRAINT "compliance_audits_status" CHECK ("compliance_audits"."status" in ('SCHEDULED', 'IN_PROGRESS', 'COMPLETED', 'CANCELLED'))
);
--> statement-breakpoint
CREATE TABLE "compliance_violations" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"violation_type" varchar(50) NOT NULL,
	"severity" varchar(20) NOT NULL,
	"license_id" varchar(36),
	"description" text NOT NULL,
	"detected_at" timestamp with time zone NOT NULL,
	"evidence" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"financial_impact" numeric(19, 4),
	"resolution_required" boolean DEFAULT true NOT NULL,
	"resolution_deadline" timestamp with time zone,
	"status" varchar(20) DEFAULT 'OPEN' NOT NULL,
	"resolution_notes" text,
	"resolved_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "compliance_violations_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "compliance_violations_type" CHECK ("compliance_violations"."violation_type" in ('UNAUTHORIZED_USE', 'OVER_DEPLOYMENT', 'FEATURE_ABUSE', 'TRANSFER_VIOLATION', 'REVERSE_ENGINEERING')),
	CONSTRAINT "compliance_violations_severity" CHECK ("compliance_violations"."severity" in ('MINOR', 'MAJOR', 'CRITICAL')),
	CONSTRAINT "compliance_violations_status" CHECK ("compliance_violations"."status" in ('OPEN', 'ACKNOWLEDGED', 'RESOLVED', 'DISPUTED'))
);
--> statement-breakpoint
CREATE TABLE "feature_usage" (
	"tenant_id" varchar(50) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"feature_id" varchar(50) NOT NULL,
	"window_start" timestamp with time zone NOT NULL,
	"used" bigint DEFAULT 0 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "feature_usage_tenant_id_license_id_feature_id_window_start_pk" PRIMARY KEY("tenant_id","license_id","feature_id","window_start"),
	CONSTRAINT "feature_usage_used" CHECK ("feature_usage"."used" >= 0)
);
--> statement-breakpoint
CREATE TABLE "licenses" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_key_hash" varchar(100) NOT NULL,
	"license_key_ciphertext" varchar(255) NOT NULL,
	"license_key_mask" varchar(24) NOT NULL,
	"product_id" varchar(50) NOT NULL,
	"product_name" varchar(255) NOT NULL,
	"product_version" varchar(50) NOT NULL,
	"license_type" varchar(20) NOT NULL,
	"license_model" varchar(20) NOT NULL,
	"customer_id" varchar(36),
	"reseller_id" varchar(36),
	"template_id" varchar(36),
	"template_version" integer,
	"order_id" varchar(36),
	"issued_to" varchar(255) NOT NULL,
	"max_activations" integer DEFAULT 1 NOT NULL,
	"current_activations" integer DEFAULT 0 NOT NULL,
	"features" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"restrictions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"issued_date" timestamp with time zone NOT NULL,
	"activation_date" timestamp with time zone,
	"expiry_date" timestamp with time zone,
	"maintenance_expiry" timestamp with time zone,
	"status" varchar(20) DEFAULT 'PENDING' NOT NULL,
	"suspended_from" varchar(20),
	"suspension_cause" varchar(20),
	"suspension_reason" text,
	"revocation_reason" text,
	"auto_renewal" boolean DEFAULT false NOT NULL,
	"trial_period_days" integer,
	"grace_period_days" integer DEFAULT 30,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "licenses_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "licenses_license_type" CHECK ("licenses"."license_type" in ('PERPETUAL', 'SUBSCRIPTION', 'TRIAL', 'EVALUATION', 'CONCURRENT', 'NAMED_USER')),
	CONSTRAINT "licenses_license_model" CHECK ("licenses"."license_model" in ('PER_SEAT', 'PER_DEVICE', 'PER_CPU', 'PER_CORE', 'SITE_LICENSE', 'ENTERPRISE')),
	CONSTRAINT "licenses_status" CHECK ("licenses"."status" in ('ACTIVE', 'INACTIVE', 'EXPIRED', 'SUSPENDED', 'REVOKED', 'PENDING')),
	CONSTRAINT "licenses_suspension_cause" CHECK ("licenses"."suspension_cause" in ('MANUAL', 'GRACE_EXPIRED')),
	CONSTRAINT "licenses_suspended" CHECK (("licenses"."status" = 'SUSPENDED') = ("licenses"."suspension_cause" is not null)),
	CONSTRAINT "licenses_counts" CHECK ("licenses"."max_activations" >= 0 and "licenses"."current_activations" >= 0)
);
--> statement-breakpoint
CREATE TABLE "license_orders" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"order_number" varchar(50) NOT NULL,
	"customer_id" varchar(36),
	"reseller_id" varchar(36),
	"template_id" varchar(36) NOT NULL,
	"quantity" integer DEFAULT 1 NOT NULL,
	"custom_features" jsonb,
	"custom_restrictions" jsonb,
	"duration_override" integer,
	"pricing_override" jsonb,
	"special_instructions" text,
	"status" varchar(20) DEFAULT 'PENDING' NOT NULL,
	"total_amount" numeric(19, 4) NOT NULL,
	"discount_applied" numeric(19, 4),
	"currency" varchar(3) NOT NULL,
	"payment_status" varchar(20) DEFAULT 'PENDING' NOT NULL,
	"invoice_id" varchar(36),
	"subscription_id" varchar(50),
	"fulfillment_method" varchar(20) DEFAULT 'AUTO' NOT NULL,
	"generated_licenses" jsonb,
	"fulfilled_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_orders_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "license_orders_status" CHECK ("license_orders"."status" in ('PENDING', 'APPROVED', 'FULFILLED', 'CANCELLED')),
	CONSTRAINT "license_orders_payment_status" CHECK ("license_orders"."payment_status" in ('PENDING', 'PAID', 'PARTIAL', 'FAILED', 'REFUNDED')),
	CONSTRAINT "license_orders_fulfillment_method" CHECK ("license_orders"."fulfillment_method" in ('AUTO', 'MANUAL', 'BATCH'))
);
--> statement-breakpoint
CREATE TABLE "license_templates" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"template_name" varchar(255) NOT NULL,
	"product_id" varchar(50) NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"license_type" varchar(20) NOT NULL,
	"license_model" varchar(20) NOT NULL,
	"default_duration" integer DEFAULT 365 NOT NULL,
	"max_activations" integer DEFAULT 1 NOT NULL,
	"features" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"restrictions" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"pricing" jsonb NOT NULL,
	"auto_renewal_enabled" boolean DEFAULT true NOT NULL,
	"trial_allowed" boolean DEFAULT false NOT NULL,
	"trial_duration_days" integer DEFAULT 30 NOT NULL,
	"grace_period_days" integer DEFAULT 30 NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "license_templates_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "license_templates_license_type" CHECK ("license_templates"."license_type" in ('PERPETUAL', 'SUBSCRIPTION', 'TRIAL', 'EVALUATION', 'CONCURRENT', 'NAMED_USER')),
	CONSTRAINT "license_templates_license_model" CHECK ("license_templates"."license_model" in ('PER_SEAT', 'PER_DEVICE', 'PER_CPU', 'PER_CORE', 'SITE_LICENSE', 'ENTERPRISE'))
);
--> statement-breakpoint
CREATE TABLE "billing_products" (
	"tenant_id" varchar(50) NOT NULL,
	"product_id" varchar(50) NOT NULL,
	"name" varchar(255) NOT NULL,
	"description" text DEFAULT '' NOT NULL,
	"version" varchar(50) NOT NULL,
	"active" boolean DEFAULT true NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "billing_products_tenant_id_product_id_pk" PRIMARY KEY("tenant_id","product_id")
);
--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "customers" ADD CONSTRAINT "customers_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "resellers" ADD CONSTRAINT "resellers_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_activations" ADD CONSTRAINT "license_activations_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "compliance_audits" ADD CONSTRAINT "compliance_audits_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "compliance_violations" ADD CONSTRAINT "compliance_violations_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "feature_usage" ADD CONSTRAINT "feature_usage_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "licenses" ADD CONSTRAINT "licenses_product" FOREIGN KEY ("tenant_id","product_id") REFERENCES "public"."billing_products"("tenant_id","product_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "licenses" ADD CONSTRAINT "licenses_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "licenses" ADD CONSTRAINT "licenses_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "licenses" ADD CONSTRAINT "licenses_template" FOREIGN KEY ("tenant_id","template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_customer" FOREIGN KEY ("tenant_id","customer_id") REFERENCES "public"."customers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_reseller" FOREIGN KEY ("tenant_id","reseller_id") REFERENCES "public"."resellers"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_orders" ADD CONSTRAINT "license_orders_template" FOREIGN KEY ("tenant_id","template_id") REFERENCES "public"."license_templates"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "license_templates" ADD CONSTRAINT "license_templates_product" FOREIGN KEY ("tenant_id","product_id") REFERENCES "public"."billing_products"("tenant_id","product_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "billing_products" ADD CONSTRAINT "billing_products_tenant" FOREIGN KEY ("tenant_id") REFERENCES "public"."tenants"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ux_customers_external" ON "customers" USING btree ("tenant_id","external_id");--> statement-breakpoint
CREATE INDEX "ix_customers_tenant_name" ON "customers" USING btree ("tenant_id","name","id");--> statement-breakpoint
CREATE INDEX "ix_key_directory_subject" ON "key_directory" USING btree ("tenant_id","subject_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_activations_token" ON "license_activations" USING btree ("tenant_id","activation_token_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_activations_previous_token" ON "license_activations" USING btree ("tenant_id","previous_token_hash");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_activations_device" ON "license_activations" USING btree ("tenant_id","license_id","device_fingerprint") WHERE "license_activations"."status" = 'ACTIVE';--> statement-breakpoint
CREATE INDEX "ix_activations_license" ON "license_activations" USING btree ("tenant_id","license_id","activated_at","id");--> statement-breakpoint
CREATE INDEX "ix_activations_tenant_activated" ON "license_activations" USING btree ("tenant_id","activated_at","id");--> statement-breakpoint
CREATE INDEX "ix_activations_device" ON "license_activations" USING btree ("tenant_id","device_fingerprint");--> statement-breakpoint
CREATE INDEX "ix_license_events_license" ON "license_event_logs" USING btree ("tenant_id","license_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_events_subject" ON "license_event_logs" USING btree ("tenant_id","subject_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_events_created_at" ON "license_event_logs" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_compliance_audits_tenant_customer" ON "compliance_audits" USING btree ("tenant_id","customer_id");--> statement-breakpoint
CREATE INDEX "ix_compliance_audits_tenant_status" ON "compliance_audits" USING btree ("tenant_id","status");--> statement-breakpoint
CREATE INDEX "ix_compliance_audits_audit_date" ON "compliance_audits" USING btree ("tenant_id","audit_date");--> statement-breakpoint
CREATE INDEX "ix_violations_tenant_license" ON "compliance_violations" USING btree ("tenant_id","license_id");--> statement-breakpoint
CREATE INDEX "ix_violations_tenant_status" ON "compliance_violations" USING btree ("tenant_id","status");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_licenses_key" ON "licenses" USING btree ("tenant_id","license_key_hash");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_customer" ON "licenses" USING btree ("tenant_id","customer_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_created" ON "licenses" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_expiry" ON "licenses" USING btree ("tenant_id","expiry_date");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_status" ON "licenses" USING btree ("tenant_id","status");--> statement-breakpoint
CREATE INDEX "ix_licenses_product_status" ON "licenses" USING btree ("tenant_id","product_id","status");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_reseller" ON "licenses" USING btree ("tenant_id","reseller_id");--> statement-breakpoint
CREATE INDEX "ix_licenses_tenant_order" ON "licenses" USING btree ("tenant_id","order_id");--> statement-breakpoint
CREATE UNIQUE INDEX "ux_license_orders_number" ON "license_orders" USING btree ("tenant_id","order_number");--> statement-breakpoint
CREATE INDEX "ix_license_orders_tenant_customer" ON "license_orders" USING btree ("tenant_id","customer_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_orders_tenant_created" ON "license_orders" USING btree ("tenant_id","created_at","id");--> statement-breakpoint
CREATE INDEX "ix_license_templates_tenant_product" ON "license_templates" USING btree ("tenant_id","product_id","id");--> statement-breakpoint
CREATE INDEX "ix_license_templates_tenant_created" ON "license_templates" USING btree ("tenant_id","created_at","id");