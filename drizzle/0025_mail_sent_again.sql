ALTER TABLE "notifications" DROP CONSTRAINT "notifications_kind";--> statement-breakpoint
ALTER TABLE "notifications" ALTER COLUMN "recipient" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "notifications" ALTER COLUMN "subject" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "notifications" ADD COLUMN "unreached" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "notifications" ADD COLUMN "resends" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "notifications" ADD COLUMN "resent_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "ix_archived_activations_named" ON "archived_activations" USING btree ("tenant_id","deactivated_at") WHERE ("archived_activations"."user_ref" is not null or "archived_activations"."machine_name" is not null or "archived_activations"."metadata" <> '{}'::jsonb);--> statement-breakpoint
CREATE INDEX "ix_notifications_told" ON "notifications" USING btree ("tenant_id","created_at") WHERE "notifications"."recipient" is not null;--> statement-breakpoint
ALTER TABLE "notifications" ADD CONSTRAINT "notifications_kind" CHECK ("notifications"."kind" in ('LICENSE_ISSUED', 'LICENSE_EXPIRING', 'LICENSE_SUSPENDED', 'LICENSE_REVOKED', 'LICENSE_RENEWED', 'RENEWAL_FAILED', 'VIOLATION_DETECTED', 'ORDER_FULFILLED', 'ORDER_REFUNDED', 'EMERGENCY_CODE_USED'));--> statement-breakpoint
-- Whoever serves requests may have a mail sent again, and says neither to whom nor what.
grant update (status, attempts, unreached, resends, resent_at, next_attempt_at, message_id, transport, sent_at, reason, updated_at)
  on notifications to lg_app;
