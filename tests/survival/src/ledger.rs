//! A ledger inside the database: triggers, there only in tests, that write down every change of who set a field and of how
//! a command ended. They write in the transaction that they watch, so that what is rolled back leaves no line.

use sea_orm::{ConnectionTrait, DatabaseConnection};

const TRIGGERS: &str = r"
CREATE TABLE ledger_fields (line bigserial PRIMARY KEY, contact uuid NOT NULL, field text NOT NULL, stamp bigint NOT NULL, command uuid NOT NULL);
CREATE TABLE ledger_outcomes (line bigserial PRIMARY KEY, command uuid NOT NULL, before text, after text);

CREATE FUNCTION note_fields() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was contacts;
BEGIN
  IF TG_OP = 'UPDATE' THEN was := OLD; END IF;
  INSERT INTO ledger_fields (contact, field, stamp, command)
  SELECT NEW.id, new_mark.field, new_mark.stamp, new_mark.command
  FROM (VALUES ('name', NEW.name_stamp, NEW.name_command, was.name_stamp, was.name_command),
               ('phone', NEW.phone_stamp, NEW.phone_command, was.phone_stamp, was.phone_command),
               ('email', NEW.email_stamp, NEW.email_command, was.email_stamp, was.email_command))
       AS new_mark (field, stamp, command, old_stamp, old_command)
  WHERE new_mark.stamp IS NOT NULL
    AND (new_mark.stamp, new_mark.command) IS DISTINCT FROM (new_mark.old_stamp, new_mark.old_command);
  RETURN NULL;
END $$;
CREATE TRIGGER note_fields AFTER INSERT OR UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION note_fields();

CREATE FUNCTION note_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO ledger_outcomes (command, after) VALUES (NEW.id, NEW.status);
  ELSIF TG_OP = 'DELETE' THEN
    INSERT INTO ledger_outcomes (command, before) VALUES (OLD.id, OLD.status);
  ELSIF (OLD.status, OLD.reason, OLD.request_hash) IS DISTINCT FROM (NEW.status, NEW.reason, NEW.request_hash) THEN
    INSERT INTO ledger_outcomes (command, before, after) VALUES (NEW.id, OLD.status, NEW.status);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER note_outcome AFTER INSERT OR UPDATE OR DELETE ON commands FOR EACH ROW EXECUTE FUNCTION note_outcome();
";

/// Installs the triggers.
///
/// # Panics
/// If SQL refuses.
pub async fn install(sql: &DatabaseConnection) {
    sql.execute_unprepared(TRIGGERS)
        .await
        .expect("SQL takes the triggers");
}
