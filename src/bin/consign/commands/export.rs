//! `consign partner export`: whom this home trusts, as a list that `ssh-keygen -Y verify` reads.

use consign::class::Class;
use consign::exchange::allowed;
use consign::files;

use super::opening::count;
use crate::cli;
use crate::fault::Failure;
use crate::output::Report;
use crate::world::World;

/// Writes the list.
pub(crate) fn run(args: &cli::PartnerExport, world: &World) -> Result<Report, Failure> {
    let lines = allowed::lines(&world.home, &args.names)?;
    if lines.is_empty() {
        return Err(Failure::new("nobody", Class::Usage, "there is nobody on record who may sign"));
    }
    let bytes: Vec<u8> = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect();
    let report = Report::new().set("lines", lines.len());
    match args.out.as_ref().filter(|out| out.as_os_str() != "-") {
        Some(out) => {
            files::write_new(out, &bytes, args.force)?;
            Ok(report
                .set("path", out)
                .fact("exported", format!("{}   {}", out.display(), count(lines.len() as u64, "line")))
                .fact("", "for ssh-keygen -Y verify, with the name of a partner as -I"))
        }
        None => Ok(report.set("list", String::from_utf8_lossy(&bytes)).raw(bytes)),
    }
}
