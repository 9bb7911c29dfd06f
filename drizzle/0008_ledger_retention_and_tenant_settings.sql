ALTER TABLE "feature_usage" ADD COLUMN "swept" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
-- Old lines of the ledger are deleted in one statement with the counters that keep their sum.
grant delete on usage_ledger to lg_worker;
--> statement-breakpoint
-- A tenant changes its own settings, and nothing else of itself.
create policy own_settings on tenants for update to lg_app using (id = current_setting('app.tenant', true)) with check (id = current_setting('app.tenant', true));
--> statement-breakpoint
grant update (settings, updated_at) on tenants to lg_app;
