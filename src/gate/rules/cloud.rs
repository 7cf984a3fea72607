//! Keys of clouds and of what is hosted there.

use crate::gate::assignment;
use crate::gate::redact::Shown;
use crate::gate::rule::{Proof, Rule};
use crate::gate::urls;

pub(super) const RULES: &[Rule] = &[
    Rule::token("aws-access-key", "AWS access key", &["AKIA", "ASIA"], r"A[KS]IA[A-Z2-7]{16}\b")
        .proof(Proof::Entropy(3.0)),
    Rule::code(
        "aws-secret-key",
        "AWS secret key",
        &["ecret", "ECRET", "ccess_key", "CCESS_KEY"],
        assignment::aws_secret,
    ),
    Rule::token("google-api-key", "Google API key", &["AIza"], r"AIza[0-9A-Za-z_-]{35}(?:[^0-9A-Za-z_-]|\z)")
        .proof(Proof::Entropy(3.0)),
    Rule::token("google-oauth-secret", "Google OAuth secret", &["GOCSPX-"], r"GOCSPX-[0-9A-Za-z_-]{28}\b"),
    Rule::token("google-access-token", "Google access token", &["ya29."], r"ya29\.[0-9A-Za-z_-]{30,300}"),
    Rule::token("azure-storage-key", "Azure storage key", &["ccountKey="], r"AccountKey=([0-9A-Za-z+/]{86}==)").back(1),
    Rule::code("azure-sas", "Azure shared access signature", &["sig="], urls::azure_sas),
    Rule::code("azure-client-secret", "Azure client secret", &["ecret", "ECRET", "assword"], assignment::azure_secret),
    Rule::token(
        "digitalocean-token",
        "DigitalOcean token",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        r"do[opr]_v1_[0-9a-f]{64}\b",
    ),
    Rule::token("heroku-api-key", "Heroku API key", &["HRKU-"], r"HRKU-[0-9A-Za-z_-]{36,64}"),
    Rule::token(
        "heroku-api-key",
        "Heroku API key",
        &["eroku", "EROKU"],
        r#"(?i)heroku[a-z_ .-]{0,24}(?:key|token|secret)[\s"':=>]{1,8}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b"#,
    )
    .back(1)
    .shown(Shown::Length),
    Rule::token("alibaba-access-key", "Alibaba access key", &["LTAI"], r"LTAI[0-9A-Za-z]{20}\b")
        .proof(Proof::Entropy(3.3)),
    Rule::token("hashicorp-vault-token", "Vault token", &["hvs.", "hvb."], r"hv[sb]\.[0-9A-Za-z_-]{24,300}"),
    Rule::token(
        "terraform-token",
        "Terraform token",
        &[".atlasv1."],
        r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_-]{60,80}",
    )
    .back(14),
];
