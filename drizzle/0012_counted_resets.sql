DROP INDEX "ix_usage_ledger_reset";--> statement-breakpoint
ALTER TABLE "feature_usage" ADD COLUMN "resets" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "usage_ledger" ADD COLUMN "resets" integer DEFAULT 0 NOT NULL;