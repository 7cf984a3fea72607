//! The JSON schemas of the files of rules, made of the types that read them, so that the two can't differ. An editor
//! shows what can stand in a file; the pages of the manual are made of the same.

use schemars::{Schema, schema_for};
use serde_json::{Map, Value};

use super::allowlist::AllowFile;
use super::dossier::DossierFile;
use super::project::Project;
use super::{config, scopefile};
use crate::policy::demand::Demand;

/// A kind of file that people write. To add one: its type derives `JsonSchema`, its line stands in [`all`], and an
/// example of it lies in `testdata/rules`.
pub struct RuleFile {
    /// What it is called here, and the name of its schema without `.schema.json`.
    pub name: &'static str,
    /// Where it lies.
    pub place: &'static str,
    /// Its schema (draft 2020-12).
    pub schema: Value,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<RuleFile> {
    vec![
        of("config", "$CONSIGN_HOME/config.toml", schema_for!(config::File)),
        of("project", ".consign/project.toml", schema_for!(Project)),
        of("scope", ".consign/scopes/NAME.toml", scopefile::schema()),
        of("partner", ".consign/partners/NAME.toml, which consign writes", schema_for!(DossierFile)),
        of("allow", ".consign/allow.toml, which consign writes", schema_for!(AllowFile)),
        of("policy", "any file, named by consign verify --policy", schema_for!(Demand)),
    ]
}

fn of(name: &'static str, place: &'static str, schema: Schema) -> RuleFile {
    RuleFile { name, place, schema: without_null(schema.to_value()) }
}

impl RuleFile {
    /// The schema as a file.
    #[must_use]
    pub fn text(&self) -> String {
        // A value can always be spelled.
        serde_json::to_string_pretty(&self.schema).unwrap_or_default() + "\n"
    }
}

/// TOML has no null: what may be absent is absent. The keys stand in the order of the alphabet.
fn without_null(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> = object.into_iter().map(|(k, v)| (k, without_null(v))).collect();
            entries.retain(|(key, value)| !(key == "default" && value.is_null()));
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            flat(entries.into_iter().collect())
        }
        Value::Array(list) => Value::Array(
            list.into_iter().map(without_null).filter(|one| *one != serde_json::json!({"type": "null"})).collect(),
        ),
        other => other,
    }
}

/// `["string"]` as the only type, and a choice between one thing.
fn flat(mut object: Map<String, Value>) -> Value {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choice)) = object.get("anyOf")
        && let [Value::Object(only)] = choice.as_slice()
    {
        let only = only.clone();
        object.remove("anyOf");
        object.extend(only);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_says_what_it_is_for_and_no_other_key_is_taken() {
        fn look(at: &str, value: &Value) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                for (key, property) in properties {
                    assert!(property.get("description").is_some(), "{at}: `{key}` has no doc comment");
                }
                assert_eq!(value["additionalProperties"], false, "{at}");
            }
            match value {
                Value::Object(object) => object.iter().for_each(|(key, value)| look(&format!("{at}/{key}"), value)),
                Value::Array(list) => list.iter().for_each(|value| look(at, value)),
                other => assert!(!other.is_null(), "{at}"),
            }
        }
        for file in all() {
            look(file.name, &file.schema);
            assert_eq!(file.schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        }
    }
}
