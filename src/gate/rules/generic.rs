//! Something that is called a password, secret or token, and looks like one.

use crate::gate::assignment;
use crate::gate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::code(
        "password",
        "password",
        &["assword", "ASSWORD", "asswd", "ASSWD", "assphrase", "ASSPHRASE", "pwd=", "Pwd=", "PWD="],
        assignment::password,
    )
    .generic(),
    Rule::code(
        "secret",
        "secret",
        &[
            "ecret",
            "ECRET",
            "pi_key",
            "pikey",
            "pi-key",
            "piKey",
            "PI_KEY",
            "PIKEY",
            "ccess_key",
            "CCESS_KEY",
            "ccessKey",
            "rivate_key",
            "RIVATE_KEY",
            "rivateKey",
        ],
        assignment::secret,
    )
    .generic(),
    Rule::code("token", "token", &["oken", "OKEN"], assignment::token).generic(),
];
