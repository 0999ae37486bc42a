//! Whether the settings have what the roles need to start.

use shared::{
    http::access::Access,
    role::{id_key, payload_keys},
    service::Service,
    settings::{AuthMode, Settings},
};

use super::report::Report;

const WHAT: &str = "settings";

pub(super) fn look(settings: &Settings, roles: &[Service], report: &mut Report) {
    let mut faults = Vec::new();
    // On embedded storage the first start makes both, and so would asking for them.
    let made_at_start = settings.embedded_queue().is_some();
    if !made_at_start {
        faults.extend(id_key(settings).err());
    }
    for role in roles {
        let listener = match role {
            Service::ProducerApi => Some((
                settings.producer_api.listen,
                settings.producer_api.gateway_key.as_ref(),
            )),
            Service::ConsumerWorker => None,
            Service::DlqFunction => {
                if !made_at_start {
                    faults.extend(payload_keys(settings).err());
                }
                Some((settings.dlq_function.listen, None))
            }
        };
        let pages = *role == Service::DlqFunction && settings.dlq_function.console.operators.is_some();
        if let Some((listen, gateway)) = listener {
            let access = if pages {
                Access::for_people(&settings.auth, gateway, listen)
            } else {
                Access::at_start(&settings.auth, gateway, listen)
            };
            faults.extend(access.err());
        }
    }
    for fault in &faults {
        report.fails(
            WHAT,
            format!("{fault:#}"),
            "set what it names; a service would not start",
        );
    }
    if faults.is_empty() {
        report.fine(WHAT, "can be read, and have what is needed");
    }
    warn(settings, roles, report);
}

fn warn(settings: &Settings, roles: &[Service], report: &mut Report) {
    if settings.auth.mode == AuthMode::None && settings.auth.none_beyond_loopback {
        report.warns(
            WHAT,
            "auth.mode=none and auth.noneBeyondLoopback=true: whoever gets to the listeners may do everything",
            "set auth.mode=required and make keys (docs/access.md), unless nobody gets there but who should",
        );
    }
    let console = &settings.dlq_function.console;
    if roles.contains(&Service::DlqFunction)
        && settings.auth.mode == AuthMode::Required
        && console.operators.is_none()
        && console.oidc.client_id.is_none()
    {
        report.warns(
            WHAT,
            "nobody can sign in to the console",
            "set dlqFunction.console.operators (dlq-function operator NAME) or dlqFunction.console.oidc (docs/access.md)",
        );
    }
}
