-- Who reads PostgreSQL's statistics for Prometheus: the role `monitor`, which postgres_exporter signs in with. It sees how much is done
-- and how long that takes (pg_monitor), and no row of any table. Run by an administrator of the server, in contato's database; again
-- changes nothing but the password, which is the first line of the file that PASSWORD_FILE names:
--
--   PASSWORD_FILE=… psql -X -v ON_ERROR_STOP=1 -f monitoring.sql "$URL_OF_AN_ADMINISTRATOR"
--
-- compose and kind do that by themselves (postgres-monitor). Everywhere else it is done once, by hand: docs/deploy.md.

\set password `head -n 1 "$PASSWORD_FILE"`

-- Without this, an empty password would be none, and nobody told.
SELECT :'password' = '' AS no_password \gset
\if :no_password
DO $$ BEGIN RAISE EXCEPTION 'PASSWORD_FILE names no file with a password in its first line'; END $$;
\endif

BEGIN;

SELECT 'CREATE ROLE monitor' WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'monitor') \gexec

-- A few connections, and no statement that hangs: who observes must not be a load.
ALTER ROLE monitor LOGIN CONNECTION LIMIT 5;
ALTER ROLE monitor SET statement_timeout = '10s';
ALTER ROLE monitor SET default_transaction_read_only = on;
GRANT pg_monitor TO monitor;
GRANT CONNECT ON DATABASE :"DBNAME" TO monitor;
-- Last, since a server writes a statement that fails into its log; one that logs all statements (log_statement), this one too.
ALTER ROLE monitor PASSWORD :'password';

COMMIT;
