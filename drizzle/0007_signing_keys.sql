CREATE TABLE "signing_keys" (
	"kid" varchar(43) PRIMARY KEY NOT NULL,
	"purpose" varchar(30) NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"private_jwk" text NOT NULL,
	"signs_from" timestamp with time zone NOT NULL,
	"signs_until" timestamp with time zone NOT NULL,
	"verifies_until" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "signing_keys_purpose" CHECK ("signing_keys"."purpose" in ('validation', 'licenseFile', 'offlineResponse', 'entitlementSet', 'auditCheckpoint', 'revocationList'))
);
--> statement-breakpoint
CREATE INDEX "ix_signing_keys_purpose" ON "signing_keys" USING btree ("purpose","signs_from");--> statement-breakpoint
-- Whoever serves requests makes keys and reads them; one that ends before its time is a command's work.
grant select, insert on signing_keys to lg_app;
--> statement-breakpoint
grant select, insert, update, delete on signing_keys to lg_worker;
