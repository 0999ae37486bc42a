//! `deploy/postgres/grants.sql`, the one place that says what each service may do in PostgreSQL: as statements to run, and as rights
//! to look for.

use super::{examine::Right, roles::identifier};
use crate::service::Service;

/// The file, as psql would run it.
const GRANTS: &str = include_str!("../../../deploy/postgres/grants.sql");
/// How it begins and ends a transaction; here it is part of one.
const TRANSACTION: [&str; 2] = ["\nBEGIN;\n", "\nCOMMIT;\n"];

impl Service {
    /// What the file calls its role.
    fn variable(self) -> &'static str {
        match self {
            Self::ProducerApi => r#":"producer_api""#,
            Self::ConsumerWorker => r#":"consumer_worker""#,
            Self::DlqFunction => r#":"dlq_function""#,
        }
    }
}

/// The statements for this database, and for roles of these names in the order of [`Service::ALL`].
pub(super) fn statements(names: [&str; 3], database: &str) -> String {
    let mut grants = GRANTS.replace(r#":"DBNAME""#, &identifier(database));
    for word in TRANSACTION {
        grants = grants.replace(word, "\n");
    }
    for (service, name) in Service::ALL.into_iter().zip(names) {
        // A quote in a name is doubled, so that no name looks like a variable.
        grants = grants.replace(service.variable(), &identifier(name));
    }
    grants
}

/// The rights on tables and functions that the file gives to these services.
pub fn rights_of(services: &[Service]) -> Vec<Right> {
    let lines = GRANTS.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut rights: Vec<_> = text
        .split(';')
        .filter_map(|statement| statement.trim().strip_prefix("GRANT ")?.split_once(" TO "))
        .filter(|(_, to)| services.iter().any(|service| to.contains(service.variable())))
        .filter_map(|(what, _)| what.split_once(" ON "))
        .filter(|(_, objects)| !objects.starts_with("SCHEMA ") && !objects.starts_with("DATABASE "))
        .flat_map(|(privileges, objects)| of_statement(privileges, objects))
        .collect();
    rights.sort();
    rights.dedup();
    rights
}

fn of_statement(privileges: &str, objects: &str) -> Vec<Right> {
    let function = objects.strip_prefix("FUNCTION ");
    let objects: Vec<_> = function.map_or_else(|| objects.split(", ").collect(), |function| vec![function]);
    let mut rights = Vec::new();
    for privilege in privileges.split(", ") {
        // `UPDATE (words)`: one column, as the file has them.
        let (privilege, column) = match privilege.split_once(" (") {
            Some((privilege, column)) => (privilege, Some(column.trim_end_matches(')').to_owned())),
            None => (privilege, None),
        };
        rights.extend(objects.iter().map(|object| Right {
            privilege: privilege.to_owned(),
            object: (*object).to_owned(),
            column: column.clone(),
        }));
    }
    rights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(service: Service) -> Vec<String> {
        rights_of(&[service]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_file_is_understood() {
        assert_eq!(
            shown(Service::ProducerApi),
            [
                "DELETE ON import_refusals",
                "DELETE ON imports",
                "INSERT ON import_refusals",
                "INSERT ON imports",
                "SELECT ON commands",
                "SELECT ON contacts",
                "SELECT ON import_refusals",
                "SELECT ON imports",
                "SELECT ON seaql_migrations",
                "UPDATE ON import_refusals",
                "UPDATE ON imports",
            ]
        );
        let worker = shown(Service::ConsumerWorker);
        assert!(
            worker.contains(&"UPDATE ON dead_letters".to_owned()),
            "{worker:?}"
        );
        let dlq = shown(Service::DlqFunction);
        for right in [
            "UPDATE (words) ON contacts",
            "INSERT ON audit",
            "EXECUTE ON forget_audit(timestamptz, integer)",
        ] {
            assert!(dlq.contains(&right.to_owned()), "{right}: {dlq:?}");
        }
        assert!(!dlq.contains(&"DELETE ON audit".to_owned()));
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        let grants = statements(["a\"; DROP TABLE contacts; --", ":\"dlq_function\"", "Ç"], "d\"b");
        let statements = grants.lines().filter(|line| !line.starts_with("--"));
        let statements = statements.collect::<Vec<_>>().join("\n");
        for name in [
            "\"a\"\"; DROP TABLE contacts; --\"",
            "\":\"\"dlq_function\"\"\"",
            "\"Ç\"",
            "DATABASE \"d\"\"b\" ",
        ] {
            assert!(statements.contains(name), "{name}: {statements}");
        }
        let variables = statements
            .replace("\":\"\"dlq_function\"\"\"", "")
            .contains(":\"");
        let transaction = TRANSACTION.iter().any(|word| statements.contains(word.trim()));
        assert!(!variables && !transaction, "{statements}");
    }
}
