//! The custom handler of Azure Functions: the host's exact requests, posted to the real handler, and its exact answers.

use std::net::SocketAddr;

use dlq_function::azure;
use serde_json::{Value, json};
use shared::role::Parts;
use test_support::{Pair, Running};

mod app;
mod contacts;
mod dead_letters;

/// The handler, spoken to as the host does.
pub struct Host {
    pub running: Running,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Host {
    pub async fn start(pair: &Pair) -> Self {
        Self::with(pair, pair.parts.clone()).await
    }

    async fn with(pair: &Pair, parts: Parts) -> Self {
        let handler = azure::build(&pair.settings, parts, 0).await.unwrap();
        let address = handler.address();
        assert!(address.ip().is_loopback());
        Self {
            running: pair.run(|stop| handler.run(stop)),
            address,
            client: reqwest::Client::new(),
        }
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        let request = self.client.post(format!("http://{}{path}", self.address));
        let request = request
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Azure-Functions-Host/4.1042.100.25374")
            .header("x-azure-functions-hostversion", "4.1042.100.25374")
            .header(
                "x-azure-functions-invocationid",
                "2b0d6e6a-6d32-4c4a-8f0e-5d9f3b1a7c55",
            );
        let answer = request.body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Posts a value of the binding with metadata as the extension makes them.
    pub async fn dead_letter(&self, value: &Value, headers: Value) -> (u16, String) {
        let body = json!({ "Data": { "deadLetter": value }, "Metadata": metadata(&headers) });
        self.post(azure::DEAD_LETTERS_PATH, body.to_string()).await
    }

    /// Asks for contacts: the path's id and the query.
    async fn contacts(&self, id: Option<&str>, query: Value) -> (u16, Value, Value) {
        let params = id.map_or(json!({}), |id| json!({ "id": id }));
        let request = json!({
            "Url": "https://contato.azurewebsites.net/api/contacts",
            "Method": "GET",
            "Query": query,
            "Headers": { "Accept": ["*/*"], "Host": ["contato.azurewebsites.net"] },
            "Params": params,
            "Identities": [{ "AuthenticationType": null, "IsAuthenticated": false, "Claims": [] }],
        });
        let body = json!({
            "Data": { "req": request },
            "Metadata": { "Query": {}, "Headers": { "Accept": "*/*" }, "sys": sys("contacts") },
        });
        let (status, answer) = self.post(azure::CONTACTS_PATH, body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let output = &answer["Outputs"]["res"];
        let expected = json!({ "Outputs": { "res": output }, "Logs": [], "ReturnValue": null });
        assert_eq!(answer, expected);
        assert_eq!(output["status"], output["statusCode"]);
        let body: Value = serde_json::from_str(output["body"].as_str().unwrap()).unwrap();
        let status = output["statusCode"].as_u64().unwrap();
        (status.try_into().unwrap(), body, output["headers"].clone())
    }
}

fn sys(function: &str) -> Value {
    json!({ "MethodName": function, "UtcNow": "2026-11-25T12:00:00.0000000Z", "RandGuid": "5c39b7a4-6a17-4e0e-a0b9-4df10a5f0c52" })
}

/// As the host writes it: texts, numbers and flags as JSON in a string, objects as they are.
fn metadata(headers: &Value) -> Value {
    let properties = json!({
        "ContentType": "application/json", "ContentEncoding": null, "DeliveryMode": 2, "Priority": 0,
        "MessageId": "test", "Type": "contato.dead-letter", "Headers": headers,
        "Timestamp": { "UnixTime": 1_795_330_477 }, "ProtocolClassId": 60, "ProtocolClassName": "basic",
    });
    json!({
        "ConsumerTag": "\"amq.ctag-cQzNS9Tn0o8DZtQ0Z2rJ3w\"", "DeliveryTag": "7", "Redelivered": "false",
        "Exchange": "\"contato\"", "RoutingKey": "\"contato.dlq\"", "BasicProperties": properties,
        "Body": { "Length": 412, "IsEmpty": false }, "sys": sys("contato-dlq"),
    })
}
