//! consign.toml(5): the files of rules, key by key, from the same doc comments as their schemas; the examples in it are
//! files that tests read.

use std::fmt::Write as _;

use consign::exchange::schemas::{self, RuleFile};
use serde_json::Value;

/// The page's name.
pub(crate) const NAME: &str = "consign.toml.5";

/// An example of each kind of file.
const EXAMPLES: [(&str, &str); 6] = [
    ("project", include_str!("../../../testdata/rules/project.toml")),
    ("scope", include_str!("../../../testdata/rules/scope.toml")),
    ("partner", include_str!("../../../testdata/rules/partner.toml")),
    ("allow", include_str!("../../../testdata/rules/allow.toml")),
    ("policy", include_str!("../../../testdata/rules/policy.toml")),
    ("config", include_str!("../../../testdata/rules/config.toml")),
];

const ABOUT: &str = "These files are written by people, in TOML. An unknown key is an error, since it would be a rule \
    that nobody follows; a mistake is told with its line. Nothing in them is ever run. Those in \\fI.consign\\fR are \
    committed with the project and hold no secrets. A JSON schema of each is in docs/schema of the source.";

/// The whole page.
pub(crate) fn page(date: &str) -> String {
    let mut out = String::from(".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n");
    put(
        &mut out,
        format_args!(".TH CONSIGN.TOML 5 \"{date}\" \"consign {}\" \"consign manual\"", env!("CARGO_PKG_VERSION")),
    );
    put(&mut out, format_args!(".SH NAME\nconsign.toml \\- the files of rules that consign reads"));
    put(&mut out, format_args!(".SH DESCRIPTION\n{ABOUT}"));
    for file in schemas::all() {
        section(&file, &mut out);
    }
    put(&mut out, format_args!(".SH \"SEE ALSO\"\n.BR consign (1),\n.BR consign\\-verify (1)"));
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    let _unused = out.write_fmt(text);
    out.push('\n');
}

fn section(file: &RuleFile, out: &mut String) {
    put(out, format_args!(".SH \"THE FILE {}\"", file.name.to_uppercase()));
    put(out, format_args!("\\fI{}\\fR\n.PP\n{}", roff(file.place), described(&file.schema)));
    table(file, &file.schema, "", out);
    if let Some((_, text)) = EXAMPLES.iter().find(|(name, _)| *name == file.name) {
        put(out, format_args!(".SS \"An example\"\n.nf"));
        text.lines().for_each(|line| put(out, format_args!("{}", verbatim(line))));
        put(out, format_args!(".fi"));
    }
}

/// The keys of a table: first those with a value, then the tables in it.
fn table(file: &RuleFile, schema: &Value, at: &str, out: &mut String) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |key: &str| required.is_some_and(|keys| keys.iter().any(|k| k == key));
    let mut keys: Vec<(&String, &Value)> = properties.into_iter().flatten().collect();
    keys.sort_by(|a, b| (!is_required(a.0), a.0).cmp(&(!is_required(b.0), b.0)));
    for (key, value) in keys.iter().filter(|(_, value)| inner(file, value).is_none()) {
        let needed = if is_required(key) { ", needed" } else { "" };
        put(
            out,
            format_args!(".TP\n\\fB{}\\fR (\\fI{}\\fR{needed})\n{}", roff(key), kind(file, value), described(value)),
        );
    }
    for (key, value) in &keys {
        let Some((path, schema)) = inner(file, value) else { continue };
        let name = format!("{at}{key}{path}");
        let head = if path == "[]" { format!("[[{at}{key}]]") } else { format!("[{name}]") };
        put(out, format_args!(".SS \"{}\"\n{}", roff(&head), described(value)));
        table(file, schema, &format!("{name}."), out);
    }
}

/// The schema of a table that a key stands for: one, one for each name, or a list of them.
fn inner<'a>(file: &'a RuleFile, value: &'a Value) -> Option<(&'static str, &'a Value)> {
    let is_table = |schema: &Value| schema.get("properties").is_some();
    let plain = resolved(file, value);
    let named = plain.get("additionalProperties").map(|schema| resolved(file, schema));
    let listed = plain.get("items").map(|schema| resolved(file, schema));
    if is_table(plain) {
        return Some(("", plain));
    }
    let named = named.filter(|schema| is_table(schema)).map(|schema| (".NAME", schema));
    named.or_else(|| listed.filter(|schema| is_table(schema)).map(|schema| ("[]", schema)))
}

fn resolved<'a>(file: &'a RuleFile, value: &'a Value) -> &'a Value {
    let name = value.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    name.and_then(|name| file.schema.get("$defs")?.get(name)).unwrap_or(value)
}

/// What a value is, in a word or two.
fn kind(file: &RuleFile, value: &Value) -> String {
    let plain = resolved(file, value);
    let of = |value: &Value| match value.get("type").and_then(Value::as_str) {
        Some("string") => "text",
        Some("integer") => "number",
        Some("boolean") => "true or false",
        Some("array") => "list",
        _ => "one of several",
    };
    match plain.get("items") {
        Some(items) => format!("list of {}", of(resolved(file, items))),
        None => of(plain).to_owned(),
    }
}

fn described(value: &Value) -> String {
    let text = value.get("description").and_then(Value::as_str).unwrap_or_default();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let bold = |(n, part): (usize, &str)| if n % 2 == 1 { format!("\\fB{}\\fR", roff(part)) } else { roff(part) };
    let text: String = flat.split('`').enumerate().map(bold).collect();
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// A text as roff takes it.
fn roff(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('~', "\\(ti")
}

/// A line of an example, as it is.
fn verbatim(line: &str) -> String {
    let line = roff(line);
    if line.is_empty() || line.starts_with('.') { format!("\\&{line}") } else { line }
}
