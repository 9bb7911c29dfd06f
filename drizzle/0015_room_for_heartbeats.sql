-- Tokens that were kept by a server that ran on between the two migrations.
insert into earlier_tokens (tenant_id, token_hash, activation_id, place, ends_at)
select kept.tenant_id, kept.previous_token_hash, kept.id, 0, kept.previous_token_until from license_activations as kept
where kept.previous_token_hash is not null and kept.previous_token_until is not null
on conflict do nothing;
--> statement-breakpoint
DROP INDEX "ux_activations_previous_token";--> statement-breakpoint
ALTER TABLE "license_activations" DROP COLUMN "previous_token_hash";--> statement-breakpoint
ALTER TABLE "license_activations" DROP COLUMN "previous_token_until";--> statement-breakpoint
-- A heartbeat changes its row in place as long as the page has room for another version of it, and touches no index: on
-- full pages 512 of them in one statement took 100 ms, with room 15 ms. What is there moves as it is next changed.
alter table license_activations set (fillfactor = 50);
