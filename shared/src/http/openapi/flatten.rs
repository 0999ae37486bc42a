//! The same document in OpenAPI 3.0.3 without what Azure API Management cannot import: references to anything but schemas,
//! lists of types, examples in schemas' lists, schemas of bodies that stand inline.
//!
//! What it cannot take is in its "API import restrictions and known issues".

use serde_json::{Map, Value, json};

/// Where the import says that the API is; `deploy` replaces it.
const SERVER: &str = "https://contato.invalid";

/// The flattened rendering of a document.
pub fn flattened(document: &Value) -> Value {
    let mut flat = resolved(document, document);
    flat["openapi"] = json!("3.0.3");
    flat["servers"] = json!([{
        "url": SERVER,
        "description": "The installation behind API Management, be it a test or production.",
        "x-internal": true,
    }]);
    if let Some(license) = flat["info"]["license"].as_object_mut() {
        license.remove("identifier");
        license.insert("url".to_owned(), json!("https://spdx.org/licenses/MIT.html"));
    }
    // Its import leaves out who may use an operation: the policies there say so.
    for item in flat["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            if let Some(operation) = operation.as_object_mut() {
                operation.remove("security");
            }
        }
    }
    if let Some(components) = flat["components"].as_object_mut() {
        components.retain(|kind, _| kind == "schemas");
    }
    let mut bodies = Map::new();
    name_bodies(&mut flat["paths"], &mut bodies);
    if let Some(schemas) = flat["components"]["schemas"].as_object_mut() {
        schemas.extend(bodies);
    }
    older(&mut flat);
    flat
}

/// Puts the schemas of bodies that stand inline, such as those of texts, into `bodies`, named by their media types, and
/// references in their places.
fn name_bodies(value: &mut Value, bodies: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            let content = members.get_mut("content").and_then(Value::as_object_mut);
            for (media_type, content) in content.into_iter().flatten() {
                let Some(schema) = content
                    .get_mut("schema")
                    .filter(|schema| schema["$ref"].is_null())
                else {
                    continue;
                };
                let essence = media_type.split(';').next().unwrap_or_default();
                let words = essence.split(|c: char| !c.is_ascii_alphanumeric());
                let name = words.map(capitalised).collect::<String>();
                let numbered = (1..).map(|number| match number {
                    1 => name.clone(),
                    _ => format!("{name}{number}"),
                });
                let mut free = numbered.filter(|name| bodies.get(name).is_none_or(|known| known == schema));
                let name = free.next().unwrap_or_default();
                let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
                bodies.insert(name, std::mem::replace(schema, reference));
            }
            members
                .values_mut()
                .for_each(|member| name_bodies(member, bodies));
        }
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|element| name_bodies(element, bodies)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// With everything in place of its reference, schemas left out.
fn resolved(value: &Value, document: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let target = members
                .get("$ref")
                .and_then(Value::as_str)
                .filter(|reference| !reference.starts_with("#/components/schemas/"))
                .and_then(|reference| document.pointer(reference.strip_prefix('#')?));
            if let Some(target) = target {
                return resolved(target, document);
            }
            let members = members
                .iter()
                .map(|(name, member)| (name.clone(), resolved(member, document)));
            Value::Object(members.collect())
        }
        Value::Array(elements) => elements
            .iter()
            .map(|element| resolved(element, document))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// What 3.1 says by a list of types, 3.0 says by `nullable`; beside a reference it allows nothing.
fn older(value: &mut Value) {
    match value {
        Value::Object(members) => {
            nullable(members);
            if members.contains_key("$ref") {
                members.retain(|name, _| name == "$ref");
            }
            members.values_mut().for_each(older);
        }
        Value::Array(elements) => elements.iter_mut().for_each(older),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn nullable(members: &mut Map<String, Value>) {
    let Some(kinds) = members.get("type").and_then(Value::as_array) else {
        return;
    };
    let kind = kinds.iter().find(|kind| *kind != "null").cloned();
    members.insert("type".to_owned(), kind.unwrap_or(json!("string")));
    members.insert("nullable".to_owned(), json!(true));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_null_is_said_the_older_way() {
        let document = json!({
            "openapi": "3.1.0",
            "info": { "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" } },
            "paths": { "/x": { "get": { "security": [{ "key": [] }], "responses": { "404": { "$ref": "#/components/responses/gone" } } } } },
            "components": {
                "headers": { "A": { "schema": { "type": "string" } } },
                "securitySchemes": { "key": { "type": "apiKey", "in": "header", "name": "k" } },
                "responses": { "gone": {
                    "headers": { "A": { "$ref": "#/components/headers/A" } },
                    "content": {
                        "x": { "schema": { "$ref": "#/components/schemas/S" } },
                        "text/plain; charset=utf-8": { "schema": { "type": "string" } },
                        "text/plain": { "schema": { "type": "string", "maxLength": 1 } }
                    }
                } },
                "schemas": {
                    "S": { "type": ["string", "null"] },
                    "T": { "oneOf": [{ "$ref": "#/components/schemas/S", "description": "One." }] }
                }
            }
        });
        let flat = flattened(&document);
        assert_eq!(flat["openapi"], "3.0.3");
        assert_eq!(
            flat["components"],
            json!({ "schemas": {
                "S": { "type": "string", "nullable": true },
                "T": { "oneOf": [{ "$ref": "#/components/schemas/S" }] },
                "TextPlain": { "type": "string", "maxLength": 1 },
                "TextPlain2": { "type": "string" }
            } })
        );
        assert_eq!(
            flat["paths"]["/x"]["get"]["responses"]["404"],
            json!({
                "headers": { "A": { "schema": { "type": "string" } } },
                "content": {
                    "x": { "schema": { "$ref": "#/components/schemas/S" } },
                    "text/plain": { "schema": { "$ref": "#/components/schemas/TextPlain" } },
                    "text/plain; charset=utf-8": { "schema": { "$ref": "#/components/schemas/TextPlain2" } }
                }
            })
        );
        assert!(flat["paths"]["/x"]["get"].get("security").is_none());
        assert!(flat["info"]["license"].get("identifier").is_none());
    }
}
