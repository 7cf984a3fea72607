//! What a policy file demands of bundles: the types of the file, strict, with doc comments that are its manual. How a
//! bundle is held against them stands in `verdict.rs`.

use schemars::JsonSchema;
use serde::Deserialize;

/// A policy: what CI, or a careful person, demands of every bundle. All that is said must hold; what isn't said is not
/// looked at. A policy that demands nothing is a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Demand {
    /// `drop` or `return`.
    pub kind: Option<WantedKind>,
    /// The bundle's name: patterns with `*` and `?`, commas between; one must match, and none after a `!`.
    pub name: Option<String>,
    /// The program that made it, as it says itself: patterns as for `name`, such as `consign *`.
    pub tool: Option<String>,
    /// The greatest age, such as `30d`; by the sender's clock, which may be an hour ahead.
    pub max_age: Option<String>,
    /// Whether it must have an end.
    pub expires: Option<bool>,
    /// The latest end, counted from when it was made, such as `90d`. A bundle without an end has a later one.
    pub expires_within: Option<String>,
    /// Whether every part of it must be locked to post-quantum keys only. `false` demands nothing.
    pub post_quantum: Option<bool>,
    /// `false`: no part's key may be held back; `true`: every part's key must be.
    pub held: Option<bool>,
    /// Whether it must answer another bundle, as returns do, or must not.
    pub answers: Option<bool>,
    /// The largest file, in bytes.
    pub max_size: Option<u64>,
    /// Who must have signed.
    pub signers: WantedSigners,
    /// Whom it may be locked to.
    pub recipients: WantedRecipients,
    /// What must stand inside. This needs a key: `consign verify --deep`.
    pub contents: WantedContents,
}

/// Drop or return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WantedKind {
    /// It goes out.
    Drop,
    /// It answers a drop.
    Return,
}

/// Who must have signed. A signer is the name of a partner here (or `you`), a fingerprint `SHA256:...`, or the name of a
/// card file beside the policy, such as `acme.card`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WantedSigners {
    /// How many must have signed whom you trust, or whom this table names: 1 to 8.
    pub min: Option<u64>,
    /// Each of these must have signed.
    pub all_of: Option<Vec<String>>,
    /// One of these must have signed.
    pub any_of: Option<Vec<String>>,
    /// Nobody but these may have signed.
    pub only: Option<Vec<String>>,
}

/// Whom it may be locked to. A recipient is the name of a partner here (or `you`), a recipient string (`age1...`,
/// `ssh-ed25519 ...`), or the name of a card file beside the policy. Tags are computed anew, so this needs no key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WantedRecipients {
    /// The most keys that a part may be locked to.
    pub max: Option<u64>,
    /// Some part must be locked to each of these.
    pub all_of: Option<Vec<String>>,
    /// Some part must be locked to one of these.
    pub any_of: Option<Vec<String>>,
    /// No part may be locked to anybody else.
    pub only: Option<Vec<String>>,
}

/// What must stand inside, in each part: one value of each list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WantedContents {
    /// The owner, to the letter.
    pub owner: Option<Vec<String>>,
    /// The licence, such as `MIT` or `LicenseRef-Northwind`; the whole expression, in capital or small letters.
    pub licence: Option<Vec<String>>,
    /// The class of confidentiality, to the letter.
    pub class: Option<Vec<String>>,
    /// The agreement, to the letter.
    pub agreement: Option<Vec<String>>,
    /// The terms ids, 64 hex digits each, as `consign unpack` shows them.
    pub terms: Option<Vec<String>>,
    /// The scope.
    pub scope: Option<Vec<String>>,
    /// The most files, in all parts.
    pub max_files: Option<u64>,
    /// The most bytes of files, in all parts.
    pub max_bytes: Option<u64>,
}

impl Demand {
    /// All lists of names, with where they stand.
    pub fn lists(&self) -> impl Iterator<Item = (&'static str, &Vec<String>)> {
        let (signers, recipients, inside) = (&self.signers, &self.recipients, &self.contents);
        let lists = [
            ("all-of", &signers.all_of),
            ("any-of", &signers.any_of),
            ("only", &signers.only),
            ("all-of", &recipients.all_of),
            ("any-of", &recipients.any_of),
            ("only", &recipients.only),
            ("owner", &inside.owner),
            ("licence", &inside.licence),
            ("class", &inside.class),
            ("agreement", &inside.agreement),
            ("terms", &inside.terms),
            ("scope", &inside.scope),
        ];
        lists.into_iter().filter_map(|(key, list)| Some((key, list.as_ref()?)))
    }

    /// Whether it demands anything at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Demand { post_quantum: self.post_quantum.filter(|wanted| !wanted), ..Demand::default() }
    }

    /// Whether it demands what only a key shows.
    #[must_use]
    pub fn needs_a_key(&self) -> bool {
        self.contents != WantedContents::default()
    }

    /// What in it no bundle can meet: the key, and why. Found before any bundle is looked at.
    #[must_use]
    pub fn impossible(&self) -> Option<(&'static str, String)> {
        let zero = [("max", self.recipients.max), ("min", self.signers.min), ("max-size", self.max_size)];
        if let Some((key, _)) = zero.into_iter().find(|(_, n)| *n == Some(0)) {
            return Some((key, format!("`{key}`: 1 at least")));
        }
        if self.signers.min.is_some_and(|min| min > 8) {
            return Some(("min", "`min`: a bundle has at most 8 signers".to_owned()));
        }
        if let Some((key, _)) = self.lists().find(|(_, list)| list.is_empty()) {
            return Some((key, format!("`{key}` is an empty list, which nothing can be in")));
        }
        match (self.kind, self.answers, self.expires) {
            (Some(WantedKind::Drop), Some(true), _) => {
                Some(("answers", "`answers`: a drop never answers another bundle".to_owned()))
            }
            (Some(WantedKind::Return), Some(false), _) => {
                Some(("answers", "`answers`: a return always answers a bundle".to_owned()))
            }
            (_, _, Some(false)) if self.expires_within.is_some() => {
                Some(("expires", "`expires` and `expires-within` contradict each other".to_owned()))
            }
            _ => None,
        }
    }
}
