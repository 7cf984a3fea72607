//! The front desk: the only floor that sees clock, environment, terminal and arguments.

mod cli;
mod commands;
mod fault;
mod manual;
mod output;
mod passphrase;
mod progress;
mod prompt;
mod sample;
mod story;
mod world;

fn main() -> std::process::ExitCode {
    commands::main()
}
