//! `consign cat`: one file of a bundle to standard output.

use std::io::Write;

use consign::bundle;
use consign::exchange::receive;

use super::consent;
use super::opening::open;
use crate::cli::Cat;
use crate::fault::Failure;
use crate::output::{Report, Sink};
use crate::world::World;

/// Writes the file; every byte was checked before it is written, and the terms it comes under were accepted.
pub(crate) fn run(args: &Cat, world: &World) -> Result<Report, Failure> {
    let revealed = open(world, &args.bundle, &args.signers, &args.opening)?;
    let consent = consent::obtain(&args.accepting, &revealed, None, world)?;
    if let Err(why) = receive::record_acceptance(&world.home, &revealed, &consent.accepted, world.now)? {
        world.note(format!("not recorded: {why}"));
    }
    let mut out = Sink::any(&world.voice)?;
    let path = args.path.trim_start_matches("./");
    let size = revealed.cat(path, &mut out, world.workers(), &world.progress)?;
    out.flush().map_err(bundle::Error::Output)?;
    world.progress.clear();
    Ok(Report::new().set("path", path).set("size", size))
}
