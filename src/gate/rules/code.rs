//! Tokens of code hosts and package registries.

use crate::gate::redact::Shown;
use crate::gate::rule::{Proof, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule::token(
        "github-token",
        "GitHub token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        r"gh[pousr]_[0-9A-Za-z]{36,255}\b",
    )
    .proof(Proof::Checksum(3.0)),
    Rule::token("github-token", "GitHub token", &["github_pat_"], r"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}\b")
        .proof(Proof::Entropy(3.0)),
    Rule::token(
        "gitlab-token",
        "GitLab token",
        &["glpat-", "gldt-", "glrt-", "glptt-"],
        r"gl(?:pat|dt|rt|ptt)-[0-9A-Za-z_-]{20,60}",
    )
    .proof(Proof::Entropy(3.0)),
    Rule::token("npm-token", "npm token", &["npm_"], r"npm_[0-9A-Za-z]{36}\b").proof(Proof::Checksum(3.0)),
    Rule::token(
        "npm-token",
        "npm token",
        &["_authToken", "_auth="],
        r"_auth(?:Token)?\s{0,3}=\s{0,3}([0-9A-Za-z+/=_-]{20,200})",
    )
    .proof(Proof::Entropy(3.0)),
    Rule::token("pypi-token", "PyPI token", &["pypi-AgE"], r"pypi-AgE[0-9A-Za-z_-]{50,400}"),
    Rule::token("crates-io-token", "crates.io token", &["oken"], r#"token\s{0,3}=\s{0,3}"(cio[0-9A-Za-z]{32})""#)
        .back(1),
    Rule::token("rubygems-token", "RubyGems token", &["rubygems_"], r"rubygems_[0-9a-f]{48}\b"),
    Rule::token("docker-token", "Docker token", &["dckr_pat_", "dckr_oat_"], r"dckr_[op]at_[0-9A-Za-z_-]{27,60}"),
    Rule::token(
        "docker-auth",
        "Docker registry password",
        &["\"auth\""],
        r#""auth"\s{0,4}:\s{0,4}"([0-9A-Za-z+/]{16,200}={0,2})""#,
    )
    .proof(Proof::Entropy(3.0))
    .shown(Shown::Length),
];
