//! The front desk: the only floor that sees clock, environment, terminal and arguments.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::exit, clippy::print_stdout)]
#![warn(clippy::print_stderr, clippy::dbg_macro, clippy::todo, clippy::unimplemented, clippy::allow_attributes)]
#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that fails panics"))]

mod accepting;
mod agreement_args;
mod arguments;
mod attendant;
mod cli;
mod commands;
mod dumps;
mod fault;
mod keyring;
mod manual;
mod output;
mod page;
mod passphrase;
mod progress;
mod prompt;
mod sample;
mod scope_args;
mod story;
mod waiting;
mod workspace_args;
mod world;

fn main() -> std::process::ExitCode {
    dumps::forbid();
    commands::main()
}
