//! Tokens of services: chat, payment, mail, models and the like.

use crate::gate::redact::Shown;
use crate::gate::rule::{Proof, Rule};

pub(super) const RULES: &[Rule] = &[
    Rule::token(
        "slack-token",
        "Slack token",
        &["xoxb-", "xoxp-", "xoxa-", "xoxs-", "xoxr-", "xoxe-", "xoxe.", "xapp-"],
        r"(?:xox[abprse][-.][0-9A-Za-z.-]{20,260}|xapp-\d-[0-9A-Za-z-]{30,140})",
    )
    .proof(Proof::Entropy(3.0)),
    Rule::token(
        "slack-webhook",
        "Slack webhook",
        &["hooks.slack.com/"],
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([0-9A-Za-z+/]{30,90})",
    )
    .proof(Proof::Entropy(3.0)),
    Rule::token("stripe-key", "Stripe key", &["k_live_", "k_test_"], r"[sr]k_(?:live|test)_[0-9A-Za-z]{20,120}\b")
        .back(1)
        .proof(Proof::Entropy(3.3)),
    Rule::token("stripe-webhook-secret", "Stripe webhook secret", &["whsec_"], r"whsec_[0-9A-Za-z+/=]{32,64}"),
    Rule::token("twilio-key", "Twilio key", &["wilio", "WILIO"], r"\b(SK[0-9a-f]{32})\b").near(0, 160),
    Rule::token(
        "twilio-key",
        "Twilio key",
        &["wilio", "WILIO"],
        r#"(?i)twilio[a-z_ .-]{0,24}(?:token|secret|key)[\s"':=>]{1,8}([0-9a-f]{32})\b"#,
    )
    .back(1),
    Rule::token("sendgrid-key", "SendGrid key", &["SG."], r"SG\.[0-9A-Za-z_-]{20,24}\.[0-9A-Za-z_-]{39,50}")
        .proof(Proof::Entropy(3.5)),
    Rule::token("mailgun-key", "Mailgun key", &["key-"], r"key-[0-9a-f]{32}\b").proof(Proof::Entropy(3.0)),
    Rule::token("mailchimp-key", "Mailchimp key", &["ailchimp", "AILCHIMP"], r"\b([0-9a-f]{32}-us\d{1,2})\b")
        .near(80, 160),
    Rule::token("openai-key", "OpenAI key", &["T3BlbkFJ"], r"sk-[0-9A-Za-z_-]{20,120}T3BlbkFJ[0-9A-Za-z_-]{20,120}")
        .near(130, 130),
    Rule::token("openai-key", "OpenAI key", &["sk-proj-"], r"sk-proj-[0-9A-Za-z_-]{32,200}").proof(Proof::Entropy(3.5)),
    Rule::token("anthropic-key", "Anthropic key", &["sk-ant-"], r"sk-ant-[0-9A-Za-z]{2,12}-[0-9A-Za-z_-]{40,120}"),
    Rule::token("huggingface-token", "Hugging Face token", &["hf_"], r"hf_[A-Za-z]{34}\b").proof(Proof::Entropy(3.6)),
    Rule::token(
        "telegram-bot-token",
        "Telegram bot token",
        &[":AA"],
        r"\b(\d{8,10}:AA[0-9A-Za-z_-]{33})(?:[^0-9A-Za-z_-]|\z)",
    )
    .near(10, 37)
    .proof(Proof::Entropy(3.3)),
    Rule::token(
        "discord-bot-token",
        "Discord bot token",
        &["iscord", "ISCORD"],
        r"\b([MNO][0-9A-Za-z_-]{23,25}\.[0-9A-Za-z_-]{6}\.[0-9A-Za-z_-]{27,38})(?:[^0-9A-Za-z_-]|\z)",
    )
    .near(80, 200)
    .proof(Proof::Entropy(4.0)),
    Rule::token(
        "discord-webhook",
        "Discord webhook",
        &["api/webhooks/"],
        r"api/webhooks/\d{17,20}/([0-9A-Za-z_-]{50,90})",
    )
    .proof(Proof::Entropy(4.0)),
    Rule::token(
        "shopify-token",
        "Shopify token",
        &["shpat_", "shpss_", "shpca_", "shppa_"],
        r"shp(?:at|ss|ca|pa)_[0-9a-fA-F]{32}\b",
    ),
    Rule::token("square-token", "Square token", &["sq0csp-", "sq0atp-"], r"sq0(?:csp|atp)-[0-9A-Za-z_-]{22,43}"),
    Rule::token("databricks-token", "Databricks token", &["dapi"], r"dapi[0-9a-f]{32}(?:-\d)?\b"),
    Rule::token(
        "grafana-token",
        "Grafana token",
        &["glsa_", "glc_"],
        r"(?:glsa_[0-9A-Za-z]{32}_[0-9a-fA-F]{8}|glc_[0-9A-Za-z+/]{40,400}={0,2})",
    ),
    Rule::token("postman-key", "Postman key", &["PMAK-"], r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}\b"),
    Rule::token("new-relic-key", "New Relic key", &["NRAK-"], r"NRAK-[0-9A-Z]{27}\b"),
    Rule::token("linear-key", "Linear key", &["lin_api_"], r"lin_api_[0-9A-Za-z]{40}\b"),
    Rule::token("atlassian-token", "Atlassian token", &["ATATT3xF"], r"ATATT3xF[0-9A-Za-z_=-]{100,250}"),
    Rule::token("sentry-token", "Sentry token", &["sntrys_"], r"sntrys_[0-9A-Za-z_=+/-]{60,400}"),
    Rule::token("figma-token", "Figma token", &["figd_"], r"figd_[0-9A-Za-z_-]{40}"),
    Rule::token("artifactory-key", "Artifactory key", &["AKCp"], r"AKCp[0-9A-Za-z]{69}\b").shown(Shown::Ends),
];
