ALTER TABLE "renewals" DROP CONSTRAINT "renewals_reason";--> statement-breakpoint
ALTER TABLE "bulk_issues" DROP CONSTRAINT "bulk_issues_status";--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD COLUMN "assigned_to" varchar(36);--> statement-breakpoint
ALTER TABLE "bulk_issues" ADD COLUMN "failures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bulk_issues" ADD COLUMN "failure" varchar(50);--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "fulfillment_failures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "license_orders" ADD COLUMN "fulfillment_stopped_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "renewals" ADD CONSTRAINT "renewals_reason" CHECK ("renewals"."reason" in ('CARD_DECLINED', 'INSUFFICIENT_FUNDS', 'CARD_EXPIRED', 'AUTHENTICATION_REQUIRED', 'NO_PAYMENT_METHOD', 'PAYER_UNVERIFIED', 'NO_PRICE', 'NOT_RENEWABLE', 'TRANSFERRED', 'OVERTAKEN'));--> statement-breakpoint
ALTER TABLE "bulk_issues" ADD CONSTRAINT "bulk_issues_status" CHECK ("bulk_issues"."status" in ('RUNNING', 'FINISHED', 'FAILED'));
--> statement-breakpoint
grant update (failures, failure) on bulk_issues to lg_app, lg_worker;
--> statement-breakpoint
grant update (fulfillment_failures, fulfillment_stopped_at) on license_orders to lg_app, lg_worker;
--> statement-breakpoint
grant update (assigned_to) on inbound_webhooks to lg_app;
--> statement-breakpoint
-- What an operator had assigned and whose job was lost: it is looked at again, and is there to be assigned once more.
update inbound_webhooks set next_attempt_at = received_at
  where status = 'RECEIVED' and next_attempt_at is null and tenant_id is null;
