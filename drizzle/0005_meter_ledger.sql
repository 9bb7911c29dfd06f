CREATE TABLE "feature_top_ups" (
	"tenant_id" varchar(50) NOT NULL,
	"id" varchar(36) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"feature_id" varchar(50) NOT NULL,
	"amount" bigint NOT NULL,
	"reason" varchar(500) NOT NULL,
	"created_by" varchar(255) NOT NULL,
	"expires_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "feature_top_ups_tenant_id_id_pk" PRIMARY KEY("tenant_id","id"),
	CONSTRAINT "feature_top_ups_amount" CHECK ("feature_top_ups"."amount" > 0)
);--> statement-breakpoint
CREATE TABLE "usage_ledger" (
	"tenant_id" varchar(50) NOT NULL,
	"grant_id" varchar(36) NOT NULL,
	"line" integer NOT NULL,
	"kind" varchar(10) NOT NULL,
	"license_id" varchar(36) NOT NULL,
	"feature_id" varchar(50) NOT NULL,
	"window_start" timestamp with time zone NOT NULL,
	"source" varchar(36) DEFAULT '' NOT NULL,
	"amount" bigint NOT NULL,
	"actor" varchar(320) NOT NULL,
	"idempotency_key" varchar(255),
	"request_id" varchar(36) NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_ledger_tenant_id_grant_id_kind_line_pk" PRIMARY KEY("tenant_id","grant_id","kind","line"),
	CONSTRAINT "usage_ledger_kind" CHECK ("usage_ledger"."kind" in ('GRANT', 'REFUND', 'RESET'))
);--> statement-breakpoint
ALTER TABLE "feature_usage" DROP CONSTRAINT "feature_usage_tenant_id_license_id_feature_id_window_start_pk";--> statement-breakpoint
ALTER TABLE "feature_usage" ADD COLUMN "source" varchar(36) DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE "feature_usage" ADD COLUMN "told_percent" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "feature_usage" ADD CONSTRAINT "feature_usage_pk" PRIMARY KEY("tenant_id","license_id","feature_id","window_start","source");--> statement-breakpoint
ALTER TABLE "feature_top_ups" ADD CONSTRAINT "feature_top_ups_license" FOREIGN KEY ("tenant_id","license_id") REFERENCES "public"."licenses"("tenant_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_feature_top_ups_license" ON "feature_top_ups" USING btree ("tenant_id","license_id","feature_id");--> statement-breakpoint
CREATE INDEX "ix_usage_ledger_key" ON "usage_ledger" USING btree ("tenant_id","actor","idempotency_key");--> statement-breakpoint
CREATE INDEX "ix_usage_ledger_meter" ON "usage_ledger" USING btree ("tenant_id","license_id","feature_id","created_at");--> statement-breakpoint
select protect_tenant_table(name::regclass) from unnest(array['feature_top_ups', 'usage_ledger']) as names (name);
--> statement-breakpoint
-- What was granted stays written; it is given back by another line.
revoke update, delete on usage_ledger from lg_app, lg_worker;
--> statement-breakpoint
-- The ledger begins with what the counters say, so that they add up from its first day.
insert into usage_ledger (tenant_id, grant_id, line, kind, license_id, feature_id, window_start, amount, actor, request_id, created_at)
select tenant_id, gen_random_uuid()::text, 0, 'GRANT', license_id, feature_id, window_start, used, 'migration', 'migration', updated_at
from feature_usage where used > 0;
--> statement-breakpoint
update licenses set features = (
  select jsonb_agg('{"overage": "DENY"}'::jsonb || entry order by place)
  from jsonb_array_elements(features) with ordinality as entries (entry, place))
where features <> '[]';
--> statement-breakpoint
update license_templates set features = (
  select jsonb_agg('{"overage": "DENY"}'::jsonb || entry order by place)
  from jsonb_array_elements(features) with ordinality as entries (entry, place))
where features <> '[]';
