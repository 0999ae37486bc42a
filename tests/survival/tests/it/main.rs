//! One module for each kind of fault.

mod any_order;
mod api_killed;
mod broker_trouble;
mod canary;
mod dlq_killed;
mod health_check;
mod personal_data;
mod poison;
mod shutdown;
mod sql_outage;
mod tls;
mod worker_killed;
