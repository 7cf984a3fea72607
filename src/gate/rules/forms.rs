//! Secrets that stand in a form of many programs: URLs with a password, JSON web tokens, hashed passwords.

use crate::gate::redact::Shown;
use crate::gate::rule::{Proof, Rule};
use crate::gate::urls;

pub(super) const RULES: &[Rule] = &[
    Rule::code("database-url", "database URL with a password", &["://"], urls::database),
    Rule::code("url-password", "URL with a password", &["://"], urls::web),
    Rule::code("json-web-token", "JSON web token", &[".eyJ"], urls::web_token).shown(Shown::Ends),
    Rule::token(
        "password-hash",
        "hashed password",
        &[":$apr1$", ":$2y$", ":$2b$", ":$2a$", ":$6$", ":$5$", ":$y$", ":{SHA}", ":{SSHA}"],
        r":((?:\$(?:apr1|5|6|y)\$[0-9A-Za-z./$=,]{20,140}|\$2[aby]\$\d\d\$[0-9A-Za-z./]{53}|\{S?SHA\}[0-9A-Za-z+/]{27,48}={0,2}))",
    )
    .near(0, 180)
    .proof(Proof::Entropy(3.5))
    .shown(Shown::Length),
    Rule::token(
        "authorization-header",
        "authorization header",
        &["uthorization"],
        r#"(?i)authorization\\?["']?\s{0,3}[:=,]\s{0,3}\\?["']?(?:basic|bearer|token)\s{1,3}([0-9A-Za-z+/=_.~-]{20,700})"#,
    )
    .back(1)
    .proof(Proof::Entropy(3.8))
    .shown(Shown::Length)
    .generic(),
    Rule::code("netrc-password", "password of .netrc", &["assword"], urls::netrc),
];
