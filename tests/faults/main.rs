//! Claims about faults of the machine and of the surroundings (P7 to P10): whatever fails, is killed, is swapped or is
//! odd, a target is absent or whole, the ledger is sound, and the next run removes what is left.

#[path = "../cli/desk.rs"]
mod desk;
mod disk;
mod firms;
mod inject;
mod odd;
mod races;
mod signals;
#[path = "../support/tools.rs"]
mod tools;
mod tracer;
