//! `consign key passphrase`: another passphrase for the keys, or whether the keyring unlocks them.

use consign::class::Class;
use consign::crypto::Secret;
use consign::exchange::passphrase::{self, Changed, Unlock};
use consign::exchange::{keys, unlock};

use crate::cli;
use crate::fault::Failure;
use crate::keyring::{NAME, Silence};
use crate::output::Report;
use crate::passphrase::{From, Given};
use crate::world::World;

/// Changes it.
pub(crate) fn run(args: &cli::KeyPassphrase, world: &World) -> Result<Report, Failure> {
    keys::own_card_needed(&world.home)?;
    world.home.ensure_writable()?;
    if args.keep {
        keep_it(world)
    } else if args.forget {
        forget_it(world)
    } else {
        change(args, world)
    }
}

/// Has the keyring keep a secret that unlocks this home's keys. `passphrase` must be the right one.
pub(crate) fn keep(world: &World, passphrase: &Secret) -> Result<(), Silence> {
    let failed = |e: consign::exchange::Error| Silence::Failed(e.to_string());
    let keyring = world.ways().keyring();
    let name = unlock::name_or_new(&world.home).map_err(failed)?;
    let secret = match keyring.get(&name) {
        Ok(secret) if secret.expose().len() == 64 => secret,
        Ok(_) | Err(Silence::NoEntry) => {
            let fresh = unlock::secret().map_err(failed)?;
            keyring.put(&name, &fresh)?;
            fresh
        }
        Err(silence) => return Err(silence),
    };
    passphrase::keep(&world.home, passphrase, &Unlock::Keep(secret)).map_err(failed)
}

fn keep_it(world: &World) -> Result<Report, Failure> {
    let passphrase = passphrase::right(&world.home, &world.passphrases())?;
    keep(world, &passphrase).map_err(|silence| match silence {
        Silence::Off => Failure::usage("CONSIGN_NO_KEYRING is set: the keyring is to be left alone"),
        silence => {
            let failure = Failure::new("no-keyring", Class::Failed, silence.to_string());
            match silence.cause() {
                Some(cause) => failure.fact("it said", cause),
                None => failure,
            }
        }
    })?;
    Ok(Report::new()
        .set("home", world.home.path())
        .set("keyring", "kept")
        .fact("keyring", format!("{NAME} unlocks your keys from now on"))
        .fact("", "consign key passphrase --forget ends that"))
}

fn forget_it(world: &World) -> Result<Report, Failure> {
    // Without this file the secret opens nothing, whether it can be removed or not.
    passphrase::keep(&world.home, &Secret::new(Vec::new()), &Unlock::Forget)?;
    let name = unlock::name(&world.home)?;
    let forgotten = name.map_or(Err(Silence::NoEntry), |name| world.ways().keyring().forget(&name));
    let report = Report::new().set("home", world.home.path()).set("keyring", "forgotten");
    let report = report.fact("keyring", "your keys are unlocked by their passphrase only");
    Ok(match forgotten {
        Ok(()) | Err(Silence::NoEntry) => report,
        Err(silence) => report.note(format!("{silence}; it may still hold a secret, which opens nothing now")),
    })
}

fn change(args: &cli::KeyPassphrase, world: &World) -> Result<Report, Failure> {
    let given = given(args);
    if given.is_none() && !world.can_ask() {
        let message = "a new passphrase is needed, and there is no terminal to ask for one";
        return Err(Failure::new("needs-passphrase", Class::NeedsAPerson, message)
            .fix("--new-passphrase-file FILE, -fd N or -command COMMAND gives it; or run it on a terminal"));
    }
    let old = passphrase::right(&world.home, &world.passphrases())?;
    let new = match given {
        Some(given) => given.for_a_key()?,
        None => world.ways().typed_twice("your keys")?,
    };
    if new.expose() == old.expose() {
        return Err(Failure::usage("that is the passphrase that your keys have"));
    }
    let (unlock, keyring) = unlock_after(world)?;
    let changed = passphrase::change(&world.home, &old, &new, keys::WORK, &unlock)?;
    Ok(report(world, &changed, keyring))
}

fn given(args: &cli::KeyPassphrase) -> Option<Given> {
    let file = args.new_passphrase_file.clone().map(|v| ("--new-passphrase-file", From::File(v)));
    let fd = || args.new_passphrase_fd.clone().map(|v| ("--new-passphrase-fd", From::Descriptor(v.into())));
    let command = || args.new_passphrase_command.clone().map(|v| ("--new-passphrase-command", From::Command(v.into())));
    file.or_else(fd).or_else(command).map(|(said_by, from)| Given::new(said_by, from))
}

/// What the keyring unlocks has to hold the new passphrase, or to go away: it holds the old one.
fn unlock_after(world: &World) -> Result<(Unlock, Result<bool, Silence>), Failure> {
    if !unlock::is_there(&world.home)? {
        return Ok((Unlock::Forget, Ok(false)));
    }
    let name = unlock::name(&world.home)?;
    Ok(match name.map_or(Err(Silence::NoEntry), |name| world.ways().keyring().get(&name)) {
        Ok(secret) if unlock::open(&world.home, &secret).is_ok() => (Unlock::Keep(secret), Ok(true)),
        Ok(_) => (Unlock::Forget, Err(Silence::Failed("what it holds is not the secret of these keys".to_owned()))),
        Err(silence) => (Unlock::Forget, Err(silence)),
    })
}

fn report(world: &World, changed: &Changed, keyring: Result<bool, Silence>) -> Report {
    let (word, text) = match &keyring {
        Ok(true) => ("kept", format!("{NAME} unlocks them as before")),
        Ok(false) => ("not-kept", "does not unlock them".to_owned()),
        Err(silence) => (silence.word(), format!("unlocks them no longer: {silence}")),
    };
    let mut report = Report::new()
        .set("home", world.home.path())
        .set("files", &changed.files)
        .set("others", &changed.others)
        .set("keyring", word)
        .fact("changed", format!("the passphrase of {}", changed.files.join(", ")))
        .fact("keyring", text)
        .fact("copies", "those made before keep the old passphrase");
    if !changed.others.is_empty() {
        report = report
            .note(format!("not locked by the old passphrase, and left as they are: {}", changed.others.join(", ")));
    }
    if keyring.is_err() {
        report = report.next("to let the keyring unlock them again: consign key passphrase --keep");
    }
    report
}
