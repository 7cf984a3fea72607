//! consign and the stock pipelines side by side, in one run: `cargo bench --bench side_by_side -- --help`. What the
//! figures mean and how they came out is in docs/PERFORMANCE.md.

#[cfg(unix)]
mod contest;
#[cfg(unix)]
mod corpus;
#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod memory;
#[cfg(unix)]
mod operation;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod outcome;
#[cfg(unix)]
mod report;
#[cfg(unix)]
mod sample;
#[cfg(unix)]
mod seed;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod target;
#[cfg(unix)]
mod world;
#[cfg(unix)]
mod yard;

/// What went wrong, in words for the one who ran it.
#[cfg(unix)]
type Result<T> = std::result::Result<T, String>;

/// An error with what was being done.
#[cfg(unix)]
fn because<E: std::fmt::Display>(doing: impl std::fmt::Display) -> impl FnOnce(E) -> String {
    move |why| format!("{doing}: {why}")
}

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == sample::MEASURE) {
        return sample::measure(&arguments[1..]);
    }
    // `cargo test --all-targets` runs this file too, and says so by not saying `--bench`.
    if !arguments.iter().any(|a| ["--bench", "--help", "-h"].contains(&a.as_str())) {
        println!("side_by_side: nothing to test here; cargo bench --bench side_by_side -- --help");
        return std::process::ExitCode::SUCCESS;
    }
    session::run()
}

#[cfg(not(unix))]
fn main() {
    println!("side_by_side: the stock pipelines need a Unix; there is nothing to compare with here");
}
