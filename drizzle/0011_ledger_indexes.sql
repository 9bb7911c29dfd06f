DROP INDEX "ix_usage_ledger_meter";--> statement-breakpoint
DROP INDEX "ix_usage_ledger_key";--> statement-breakpoint
CREATE INDEX "ix_usage_ledger_reset" ON "usage_ledger" USING btree ("tenant_id","license_id","feature_id") WHERE kind = 'RESET';--> statement-breakpoint
CREATE INDEX "ix_usage_ledger_time" ON "usage_ledger" USING brin ("created_at");--> statement-breakpoint
CREATE INDEX "ix_usage_ledger_key" ON "usage_ledger" USING btree ("tenant_id","actor","idempotency_key") WHERE idempotency_key is not null;