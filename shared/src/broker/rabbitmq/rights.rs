//! Who may do what on RabbitMQ: one table, which `contato setup` grants, `contato doctor` checks and the tests try.
//!
//! Nobody in it may configure anything: the exchange and the queues are declared by whoever runs `contato setup`. A passive
//! declaration, by which services look for their queues and count what is in them, needs no right.
//!
//! What this does not keep apart: whoever may publish to the exchange chooses the queue, so that a stolen password of any service
//! can put a message into each of them. Messages are therefore checked by whoever takes them, and never believed. And the queue
//! of commands has the exchange's name: consumer-worker, who reads the one and writes to the other, may also bind and unbind
//! that queue. It could take away every command anyway; `contato setup` binds the queue again.

use super::super::Queue;
use super::topology::Names;
use crate::service::Service;

/// Somebody who signs in at the broker, with as much as its work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// producer-api publishes commands.
    ProducerApi,
    /// consumer-worker takes commands, and publishes to the retry tiers and the dead letters.
    ConsumerWorker,
    /// dlq-function collects dead letters, parks what it cannot store, puts that back, and sends commands again.
    DlqFunction,
    /// The trigger of a function app, instead of the collector or beside it.
    FunctionsTrigger,
    /// KEDA asks the management API how long the queue is.
    Keda,
}

/// What a right is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The exchange of contato, by which every queue is reached.
    Exchange,
    /// The broker's own exchange, by which every queue is reached, too.
    DefaultExchange,
    /// One queue.
    Queue(Queue),
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Who.
    pub account: Account,
    /// Where it publishes to.
    pub write: &'static [Target],
    /// What it takes messages from.
    pub read: &'static [Target],
    /// Its tags, with commas between. Without one nobody gets in to the management API.
    pub tags: &'static str,
}

/// The table.
pub const RIGHTS: [Rights; 5] = [
    Rights {
        account: Account::ProducerApi,
        write: &[Target::Exchange],
        read: &[],
        tags: "",
    },
    Rights {
        account: Account::ConsumerWorker,
        write: &[Target::Exchange],
        read: &[Target::Queue(Queue::Commands)],
        tags: "",
    },
    Rights {
        account: Account::DlqFunction,
        write: &[Target::Exchange],
        read: &[Target::Queue(Queue::DeadLetters), Target::Queue(Queue::Parking)],
        tags: "",
    },
    Rights {
        account: Account::FunctionsTrigger,
        // When a function fails, the host publishes a copy of the message there.
        write: &[Target::DefaultExchange],
        read: &[Target::Queue(Queue::DeadLetters)],
        tags: "",
    },
    // No right at all, on the virtual host all the same: the management API shows a user with the tag only the hosts that it
    // has a permission on.
    Rights {
        account: Account::Keda,
        write: &[],
        read: &[],
        tags: "management",
    },
];

/// The three regular expressions of a permission on a virtual host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// What may be declared and deleted.
    pub configure: String,
    /// What may be published to.
    pub write: String,
    /// What may be consumed from, or bound to.
    pub read: String,
}

impl From<Service> for Account {
    fn from(service: Service) -> Self {
        match service {
            Service::ProducerApi => Self::ProducerApi,
            Service::ConsumerWorker => Self::ConsumerWorker,
            Service::DlqFunction => Self::DlqFunction,
        }
    }
}

impl Account {
    /// Everybody.
    pub const ALL: [Self; 5] = [
        Self::ProducerApi,
        Self::ConsumerWorker,
        Self::DlqFunction,
        Self::FunctionsTrigger,
        Self::Keda,
    ];

    /// What it is called, as its folder of `contato setup --users` is.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProducerApi => "producer-api",
            Self::ConsumerWorker => "consumer-worker",
            Self::DlqFunction => "dlq-function",
            Self::FunctionsTrigger => "functions",
            Self::Keda => "keda",
        }
    }

    /// Its row of the table.
    pub fn rights(self) -> &'static Rights {
        &RIGHTS[self as usize]
    }

    /// Its permission, where names have this prefix (`broker.prefix`).
    pub fn permission(self, prefix: &str) -> Permission {
        let names = Names::new(prefix);
        let rights = self.rights();
        Permission {
            configure: exactly(&[], &names),
            write: exactly(rights.write, &names),
            read: exactly(rights.read, &names),
        }
    }
}

/// The regular expression (PCRE) of these names and no other.
fn exactly(targets: &[Target], names: &Names) -> String {
    let name = |target: &Target| match target {
        Target::Exchange => escaped(names.exchange().as_str()),
        // What permissions call the exchange without a name (RabbitMQ's "Access Control" guide).
        Target::DefaultExchange => escaped("amq.default"),
        Target::Queue(queue) => escaped(names.queue(*queue).as_str()),
    };
    match targets {
        [] => "^$".to_owned(),
        [target] => format!("^{}$", name(target)),
        targets => format!("^({})$", targets.iter().map(name).collect::<Vec<_>>().join("|")),
    }
}

fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for letter in name.chars() {
        if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '_' {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_account_in_its_place() {
        assert_eq!(RIGHTS.map(|rights| rights.account), Account::ALL);
        for account in Account::ALL {
            assert_eq!(account.rights().account, account);
        }
    }

    #[test]
    fn permissions_are_these() {
        let permissions = Account::ALL.map(|account| {
            let Permission {
                configure,
                write,
                read,
            } = account.permission("");
            assert_eq!(configure, "^$");
            (account.name(), write, read)
        });
        let expected = [
            ("producer-api", "^contato$", "^$"),
            ("consumer-worker", "^contato$", "^contato$"),
            (
                "dlq-function",
                "^contato$",
                r"^(contato\.dlq|contato\.dlq\.parking)$",
            ),
            ("functions", r"^amq\.default$", r"^contato\.dlq$"),
            ("keda", "^$", "^$"),
        ];
        assert_eq!(
            permissions,
            expected.map(|(name, write, read)| (name, write.to_owned(), read.to_owned()))
        );
    }

    #[test]
    fn a_prefix_stands_for_itself() {
        let permission = Account::ConsumerWorker.permission("a.(b)+é-1_");
        assert_eq!(permission.read, r"^a\.\(b\)\+é\-1_contato$");
    }
}
