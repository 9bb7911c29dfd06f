ALTER TABLE "customers" ADD COLUMN "billing_address" varchar(500);--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "tax_id" varchar(50);--> statement-breakpoint
ALTER TABLE "resellers" ADD COLUMN "billing_address" varchar(500);--> statement-breakpoint
ALTER TABLE "resellers" ADD COLUMN "tax_id" varchar(50);--> statement-breakpoint
ALTER TABLE "invoices" ADD COLUMN "bill_to_address" varchar(500);--> statement-breakpoint
ALTER TABLE "invoices" ADD COLUMN "bill_to_tax_id" varchar(50);