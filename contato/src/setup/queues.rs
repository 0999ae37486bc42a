//! The exchange and the queues.

use shared::{
    broker::{
        BrokerError,
        rabbitmq::{self, Kind},
    },
    intent::Intent,
    role::rabbitmq_options,
    settings::Settings,
};

use super::{done, say};

pub(super) async fn set_up(settings: &Settings, intent: Intent) -> anyhow::Result<()> {
    if settings.embedded_queue().is_some() {
        say("queues", "embedded", "make themselves");
        return Ok(());
    }
    let url = &settings.broker.url;
    let declared = rabbitmq::set_up(&rabbitmq_options(settings, "contato"), intent).await;
    let declared = declared.map_err(|error| {
        let advice = advice(&error);
        anyhow::anyhow!("the queues are not set up on {url} (broker.url): {error}. {advice}")
    })?;
    for thing in declared {
        let kind = match thing.kind {
            Kind::Exchange => "exchange",
            Kind::Queue => "queue",
        };
        let what = if thing.was_there {
            "was there"
        } else {
            done(intent, "declared", "would be declared")
        };
        say(kind, &thing.name, what);
    }
    Ok(())
}

/// What to do about it.
fn advice(error: &BrokerError) -> &'static str {
    match error {
        BrokerError::Topology(text) if text.contains("ACCESS_REFUSED") => {
            "This user may not declare them: broker.url has to be that of an administrator with rights on the virtual host"
        }
        BrokerError::Topology(_) => {
            "Something of this name is there, made with other settings. Either set broker.retryDelays, broker.deliveryLimit and \
             broker.maxLength as they were; or stop the services, let the queue run empty, delete it, and run this again"
        }
        BrokerError::Lost(text) if text.contains("ACCESS_REFUSED") || text.contains("ACCESS-REFUSED") => {
            "Is the password right?"
        }
        BrokerError::Lost(text) if text.contains("NOT_ALLOWED") || text.contains("NOT-ALLOWED") => {
            "There is no such virtual host (rabbitmqctl add_vhost), or this user has no rights on it (rabbitmqctl set_permissions)"
        }
        BrokerError::Lost(_) => "Is the broker up, and does the URL name the right host and port?",
        BrokerError::Consumed(_) => "Another process is in the way",
    }
}
