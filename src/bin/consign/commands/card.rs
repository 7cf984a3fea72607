//! `consign card`: the firm's public card, as a file for its partners.

use consign::exchange::{cardlife, keys};
use consign::files;

use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// Writes the card.
pub(crate) fn run(args: &cli::Card, world: &World) -> Result<Report, Failure> {
    let newest = keys::own_card_needed(&world.home)?;
    let card = match args.number.filter(|number| *number != newest.card.number) {
        Some(number) => cardlife::earlier(&world.home, number)?,
        None => newest,
    };
    let bytes = card.document.to_bytes();
    let words = consign::crypto::check_words(super::key::first_signer(&card)?)?;
    let report = Report::new().set("name", &card.card.name).set("id", card.id()).set("words", words.join(" "));
    match args.out.as_ref().filter(|out| out.as_os_str() != "-") {
        Some(out) => {
            files::write_new(out, &bytes, args.force)?;
            Ok(report
                .set("path", out)
                .fact("your card", format!("{}   public: send it to your partners", out.display()))
                .fact("check words", words.join(" "))
                .fact("", "read them out on a call, so that the card cannot be swapped"))
        }
        None => Ok(report.set("card", String::from_utf8_lossy(&bytes)).raw(bytes)),
    }
}
