CREATE TABLE "two_factor_auth" ("user_id" varchar(255) not null primary key, "enabled_at" bigint, "epoch" bigint not null, "totp_failures" integer not null, "totp_delayed_until" bigint not null, "backup_code_failures" integer not null, "backup_code_delayed_until" bigint not null);
CREATE TABLE "two_factor_authenticators" ("id" varchar(255) not null primary key, "user_id" varchar(255) not null, "name" text not null, "algorithm" varchar(16) not null, "digits" integer not null, "period" integer not null, "sealed_secret" text not null, "last_step" bigint not null, "created_at" bigint not null, "last_used_at" bigint);
CREATE INDEX "two_factor_authenticators_user" on "two_factor_authenticators" ("user_id");
CREATE TABLE "two_factor_backup_codes" ("set_id" varchar(255) not null, "code_hash" varchar(255) not null, "used_at" bigint, constraint "two_factor_backup_codes_key" primary key ("set_id", "code_hash"));
CREATE TABLE "two_factor_backup_sets" ("user_id" varchar(255) not null primary key, "id" varchar(255) not null unique, "sealed_key" text not null, "created_at" bigint not null);
CREATE TABLE "two_factor_migrations" ("version" integer primary key);
CREATE TABLE "two_factor_pending" ("handle_hash" varchar(255) not null primary key, "purpose" varchar(32) not null, "user_id" varchar(255) not null, "epoch" bigint not null, "payload" text, "failures" integer not null, "created_at" bigint not null, "expires_at" bigint not null, "completed_at" bigint);
CREATE INDEX "two_factor_pending_expiry" on "two_factor_pending" ("expires_at");
CREATE INDEX "two_factor_pending_user" on "two_factor_pending" ("user_id");
