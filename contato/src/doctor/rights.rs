//! The rights of each role in PostgreSQL, read from the file that grants them.

use shared::store::examine::Right;

use super::Role;

/// What is run to grant them.
const GRANTS: &str = include_str!("../../../deploy/postgres/grants.sql");

impl Role {
    /// What the file calls it.
    fn variable(self) -> &'static str {
        match self {
            Self::ProducerApi => r#":"producer_api""#,
            Self::ConsumerWorker => r#":"consumer_worker""#,
            Self::DlqFunction => r#":"dlq_function""#,
        }
    }
}

/// The rights on tables and functions that the file gives to these roles.
pub(super) fn granted(roles: &[Role]) -> Vec<Right> {
    let lines = GRANTS.lines().filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join(" ");
    let mut rights: Vec<_> = text
        .split(';')
        .filter_map(|statement| statement.trim().strip_prefix("GRANT ")?.split_once(" TO "))
        .filter(|(_, to)| roles.iter().any(|role| to.contains(role.variable())))
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

    fn shown(role: Role) -> Vec<String> {
        granted(&[role]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_file_is_understood() {
        assert_eq!(
            shown(Role::ProducerApi),
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
        let worker = shown(Role::ConsumerWorker);
        assert!(
            worker.contains(&"UPDATE ON dead_letters".to_owned()),
            "{worker:?}"
        );
        let dlq = shown(Role::DlqFunction);
        for right in [
            "UPDATE (words) ON contacts",
            "INSERT ON audit",
            "EXECUTE ON forget_audit(timestamptz, integer)",
        ] {
            assert!(dlq.contains(&right.to_owned()), "{right}: {dlq:?}");
        }
        assert!(!dlq.contains(&"DELETE ON audit".to_owned()));
    }
}
