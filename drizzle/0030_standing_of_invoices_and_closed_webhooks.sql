ALTER TABLE "invoices" DROP CONSTRAINT "invoices_standing";--> statement-breakpoint
ALTER TABLE "renewals" DROP CONSTRAINT "renewals_status";--> statement-breakpoint
ALTER TABLE "renewals" DROP CONSTRAINT "renewals_reason";--> statement-breakpoint
ALTER TABLE "inbound_webhooks" DROP CONSTRAINT "inbound_webhooks_status";--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD COLUMN "closed_by" varchar(255);--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD COLUMN "close_note" text;--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD CONSTRAINT "inbound_webhooks_invoice" FOREIGN KEY ("tenant_id","invoice_id") REFERENCES "public"."invoices"("tenant_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "ix_inbound_webhooks_about" ON "inbound_webhooks" USING btree ("tenant_id","invoice_id","received_at","id") WHERE invoice_id is not null;--> statement-breakpoint
CREATE INDEX "ix_inbound_webhooks_unclaimed" ON "inbound_webhooks" USING btree ("received_at","id") WHERE tenant_id is null;--> statement-breakpoint
CREATE INDEX "ix_inbound_webhooks_done" ON "inbound_webhooks" USING btree ("processed_at") WHERE status in ('PROCESSED', 'IGNORED', 'CLOSED');--> statement-breakpoint
-- Payments that add up to the total, some of which had gone back by then, were PAID here and a part of it in every answer.
update invoices set payment_status = 'PARTIAL' where payment_status = 'PAID' and paid_at is null and total > 0;
--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_standing" CHECK ("invoices"."payment_status" = case
        when "invoices"."amount_paid" > 0 and "invoices"."amount_refunded" >= "invoices"."amount_paid" then 'REFUNDED'
        when "invoices"."paid_at" is not null then 'PAID'
        when "invoices"."amount_paid" > 0 then 'PARTIAL'
        when "invoices"."failed_at" is not null then 'FAILED'
        else 'PENDING' end);--> statement-breakpoint
ALTER TABLE "renewals" ADD CONSTRAINT "renewals_status" CHECK ("renewals"."status" in ('OPEN', 'RENEWED', 'CANCELLED', 'VOIDED', 'SKIPPED', 'UNSETTLED', 'REFUNDED'));--> statement-breakpoint
ALTER TABLE "renewals" ADD CONSTRAINT "renewals_reason" CHECK ("renewals"."reason" in ('CARD_DECLINED', 'INSUFFICIENT_FUNDS', 'CARD_EXPIRED', 'AUTHENTICATION_REQUIRED', 'NO_PAYMENT_METHOD', 'PAYER_UNVERIFIED', 'NO_PRICE', 'NOT_RENEWABLE', 'TRANSFERRED'));--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD CONSTRAINT "inbound_webhooks_whose" CHECK ("inbound_webhooks"."invoice_id" is null or "inbound_webhooks"."tenant_id" is not null);--> statement-breakpoint
ALTER TABLE "inbound_webhooks" ADD CONSTRAINT "inbound_webhooks_status" CHECK ("inbound_webhooks"."status" in ('RECEIVED', 'PROCESSED', 'IGNORED', 'UNMATCHED', 'FAILED', 'CLOSED'));
--> statement-breakpoint
-- What is nobody's an operator sees, closes, or gives to the tenant whose invoice it is about.
create policy operators on inbound_webhooks for all to lg_app
  using (tenant_id is null and current_setting('app.operator', true) = 'on')
  with check (current_setting('app.operator', true) = 'on');
--> statement-breakpoint
grant update (tenant_id, invoice_id, closed_by, close_note) on inbound_webhooks to lg_app;
