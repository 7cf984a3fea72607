//! Claims about the program, through its binary: two firms and a CI machine, each with a home of its own.

mod agreements;
mod codes;
mod desk;
mod faults;
mod keyfiles;
mod keylife;
mod manual;
mod policy;
mod recovery;
mod repair;
mod scopes;
mod signers;
mod story;
mod sync;
mod terminal;
mod terms;
#[path = "../support/tools.rs"]
mod tools;
