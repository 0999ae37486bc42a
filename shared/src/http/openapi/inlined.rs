//! Descriptions of members whose schemas stand inline.
//!
//! utoipa writes such a member as `allOf` of its schema and of an object that has nothing but the description. No text and no
//! number is an object, so that nothing would be valid: the description belongs into the schema itself.

use serde_json::Value;

/// Puts each such description where it belongs.
pub(super) fn describe(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(described) = members.get("allOf").and_then(described) {
                *value = described;
                return;
            }
            members.values_mut().for_each(describe);
        }
        Value::Array(values) => values.iter_mut().for_each(describe),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn described(all_of: &Value) -> Option<Value> {
    let [schema, Value::Object(about)] = all_of.as_array()?.as_slice() else {
        return None;
    };
    let only_describes = about.len() == 2 && about.get("type")? == "object";
    let description = about.get("description").filter(|_| only_describes)?;
    let mut schema = schema.clone();
    schema
        .as_object_mut()?
        .insert("description".to_owned(), description.clone());
    Some(schema)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_description_goes_into_the_schema() {
        let described_object = json!({ "type": "object", "description": "How many." });
        let mut document =
            json!({ "a": [{ "allOf": [{ "type": "integer", "minimum": 0 }, described_object] }] });
        describe(&mut document);
        let expected = json!({ "a": [{ "type": "integer", "minimum": 0, "description": "How many." }] });
        assert_eq!(document, expected);
    }

    #[test]
    fn what_is_composed_stays_so() {
        let composed = json!({ "allOf": [
            { "$ref": "#/components/schemas/A" },
            { "type": "object", "description": "More.", "properties": {} },
        ] });
        let mut document = composed.clone();
        describe(&mut document);
        assert_eq!(document, composed);
    }
}
