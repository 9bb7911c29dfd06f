CREATE INDEX "ix_tenants_name" ON "tenants" USING btree ("name","id");
--> statement-breakpoint
-- What a key may do, and for whom, is fixed when it is made: whoever serves requests notes its use and its end.
revoke update on api_keys from lg_app;
--> statement-breakpoint
grant update (revoked_at, last_used_at, updated_at) on api_keys to lg_app;
--> statement-breakpoint
-- An operator's look at the tenants. Only the server says so, for its own transaction, and for nobody but an operator.
create policy operator_looks on tenants for select to lg_app using (current_setting('app.operator', true) = 'on');
