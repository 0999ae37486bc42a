-- What each service of contato may do in PostgreSQL, and no more. `contato setup --users` runs it, and makes the roles besides
-- (docs/deploy.md). By hand it is run by the owner of the tables, after each `contato migrate up`; again changes nothing:
--
--   psql -v ON_ERROR_STOP=1 -v producer_api=… -v consumer_worker=… -v dlq_function=… -f grants.sql "$URL_OF_THE_OWNER"
--
-- The three are names of roles that are there already (CREATE ROLE … LOGIN) and own nothing. Migrations are run by the owner.
--
-- Nobody else gets in to the database: whoever else is to, such as for a backup, is named by GRANT CONNECT.
--
-- The audit is append-only: no service may change, remove or empty it. What is past its retention is removed by
-- forget_audit, which runs with its owner's rights and leaves everything of the last 30 days.

BEGIN;

REVOKE CONNECT, TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON DATABASE :"DBNAME" FROM :"producer_api", :"consumer_worker", :"dlq_function";
REVOKE ALL ON SCHEMA public FROM :"producer_api", :"consumer_worker", :"dlq_function";
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, :"producer_api", :"consumer_worker", :"dlq_function";
REVOKE ALL ON FUNCTION forget_audit(timestamptz, integer) FROM PUBLIC, :"producer_api", :"consumer_worker", :"dlq_function";

GRANT CONNECT ON DATABASE :"DBNAME" TO :"producer_api", :"consumer_worker", :"dlq_function";
GRANT USAGE ON SCHEMA public TO :"producer_api", :"consumer_worker", :"dlq_function";
GRANT SELECT ON seaql_migrations TO :"producer_api", :"consumer_worker", :"dlq_function";

-- producer-api reads contacts and commands, and keeps how far imports have come.
GRANT SELECT ON contacts, commands TO :"producer_api";
GRANT SELECT, INSERT, UPDATE, DELETE ON imports, import_refusals TO :"producer_api";

-- consumer-worker applies commands, closes their dead letters, erases what belongs to deleted contacts, and forgets old
-- outcomes and imports.
GRANT SELECT, INSERT, UPDATE, DELETE ON contacts, commands TO :"consumer_worker";
GRANT SELECT, UPDATE ON dead_letters TO :"consumer_worker";
GRANT SELECT, DELETE ON imports, import_refusals TO :"consumer_worker";

-- dlq-function reads contacts (what a replay would do, the console) and gives them their words where those are missing. Of commands it
-- records those that wait and ends those that are discarded. Who has signed in to the console is its own business alone.
GRANT SELECT, UPDATE (words) ON contacts TO :"dlq_function";
GRANT SELECT, INSERT, UPDATE ON commands TO :"dlq_function";
GRANT SELECT, INSERT, UPDATE, DELETE ON dead_letters, replays, replay_items TO :"dlq_function";
GRANT SELECT, INSERT ON audit TO :"dlq_function";
GRANT SELECT, INSERT, UPDATE, DELETE ON console_sessions TO :"dlq_function";
GRANT EXECUTE ON FUNCTION forget_audit(timestamptz, integer) TO :"dlq_function";

COMMIT;
