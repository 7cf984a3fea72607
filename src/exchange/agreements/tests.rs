//! Claims about evidence on record: written by several at once, cut off halfway, changed by hand, of another firm.

use std::fs;

use super::*;
use crate::class::Fault;
use crate::crypto::{SigningKey, digest};
use crate::exchange::countersigned::{self, Offer};
use crate::exchange::partners::Checked;
use crate::exchange::standing::{self, stand};
use crate::exchange::suspension::{resume, suspend};
use crate::exchange::{Workspace, keys};
use crate::format::agreement::SignedAgreement;
use crate::format::card::{Card, CardKey, SignedCard};
use crate::policy::Waiver;

/// A firm with a home, which knows Acme, and a workspace.
struct Firm {
    dir: tempfile::TempDir,
    home: Home,
    own: SignedCard,
    acme: SigningKey,
}

fn at(day: &str) -> Time {
    format!("{day}T12:00:00Z").parse().unwrap()
}

fn card(name: &str, key: &SigningKey) -> SignedCard {
    let (_, recipient) = crate::crypto::new_identity("now");
    let card = Card {
        consign: "card/1".into(),
        name: name.into(),
        contact: String::new(),
        number: 1,
        created: at("2026-01-01"),
        expires: None,
        recipients: vec![CardKey::new(&recipient, "work")],
        pq: Vec::new(),
        signers: vec![CardKey::new(&key.public().line().unwrap(), "work")],
        previous: None,
    };
    SignedCard::sign(&card, key).unwrap()
}

impl Firm {
    fn new() -> Firm {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("home"));
        let new = keys::New { name: "Northwind", ..keys::New::default() };
        let own = keys::make(&home, &new, &crate::crypto::Secret::new(b"pw".to_vec()), 2, at("2026-01-01")).unwrap();
        let acme = SigningKey::generate().unwrap();
        let firm = Firm { dir, home, own: own.card, acme };
        firm.knows("acme", &firm.acme);
        firm
    }

    fn knows(&self, alias: &str, key: &SigningKey) {
        let _added =
            partners::add(&self.home, &card(alias, key), Some(alias), Checked::Words, at("2026-01-01")).unwrap();
    }

    fn workspace(&self, rules: &str) -> Workspace {
        let folder = self.dir.path().join("project/.consign");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("project.toml"), format!("owner = 'Northwind'\n{rules}")).unwrap();
        Workspace::find(&self.dir.path().join("project"), &self.home).unwrap().unwrap()
    }

    fn context<'a>(&'a self, workspace: Option<&'a Workspace>, now: Time) -> Context<'a> {
        Context { home: &self.home, workspace, now, signer: None }
    }

    fn entries(&self) -> Vec<String> {
        Ledger::open(&self.home).lines().unwrap().map(|line| line.unwrap().event).collect()
    }
}

fn nda(text: &str, until: &str) -> New {
    New {
        kind: EvidenceKind::nda(),
        document: Document { digest: digest(text.as_bytes()), file: "nda.pdf".into() },
        from: None,
        until: until.parse().unwrap(),
        reference: None,
        by: None,
    }
}

#[test]
fn what_is_recorded_again_is_there_already_and_what_differs_is_new() {
    let firm = Firm::new();
    let context = firm.context(None, at("2026-11-24"));
    let first = record(&context, "acme", &nda("a", "2027-03-31")).unwrap();
    assert_eq!((first.entry.is_some(), first.evidence.reference.as_str()), (true, "nda-2026-11-24"));
    let later = firm.context(None, at("2026-12-24"));
    assert_eq!(record(&later, "acme", &nda("a", "2027-03-31")).unwrap().entry, None);
    let longer = record(&context, "acme", &nda("a", "2028-03-31")).unwrap();
    assert_eq!(longer.evidence.reference, "nda-2026-11-24-2");
    assert_eq!(firm.entries(), ["agreement-recorded", "agreement-recorded"]);
    let word = |new: New| record(&context, "acme", &new).unwrap_err().word();
    assert_eq!(word(New { reference: Some("nda-2026-11-24".into()), ..nda("b", "2027-03-31") }), "reference-taken");
    assert_eq!(word(nda("b", "2026-11-23")), "bad-dates");
    assert_eq!(word(New { from: Some("2027-04-01".parse().unwrap()), ..nda("b", "2027-03-31") }), "bad-dates");
    for odd in ["", " ", "a ", "a\u{202e}b", "a\nb", &"é".repeat(129)] {
        assert_eq!(word(New { reference: Some(odd.into()), ..nda("b", "2027-03-31") }), "bad-text", "{odd:?}");
        assert_eq!(word(New { by: Some(odd.into()), ..nda("b", "2027-03-31") }), "bad-text", "{odd:?}");
    }
    assert_eq!(record(&context, "birch", &nda("b", "2027-03-31")).unwrap_err().word(), "no-partner");
    assert_eq!(firm.entries().len(), 2);
}

#[test]
fn several_at_once_lose_nothing_of_each_other() {
    let firm = Firm::new();
    let workspace = firm.workspace("");
    for workspace in [None, Some(&workspace)] {
        std::thread::scope(|scope| {
            for n in 0..8 {
                let context = firm.context(workspace, at("2026-11-24"));
                scope.spawn(move || record(&context, "acme", &nda(&n.to_string(), "2027-03-31")).unwrap());
            }
        });
        let (dossier, _) = Shelf::of(&firm.home, workspace).read("acme").unwrap().unwrap();
        assert_eq!(dossier.evidence.len(), 8);
    }
    assert_eq!(firm.entries().len(), 16);
    // No lock is left where it would be committed.
    let left: Vec<_> =
        fs::read_dir(workspace.folder().join("partners")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn comments_and_a_persons_own_lines_stay() {
    let firm = Firm::new();
    let context = firm.context(None, at("2026-11-24"));
    let (shelf, key) = (Shelf::of(&firm.home, None), firm.acme.public().fingerprint());
    let hash = "00".repeat(32);
    let inline = format!(
        "# ours\nscopes = [ 'api' ] # for now\nsigners = ['{key}']\nevidence = [\n  {{ kind = 'nda', reference = 'N0', \
         digest = '{hash}', file = 'x', from = '2026-01-01', until = '2026-12-31', recorded = '2026-01-01T00:00:00Z' }},\n]\n"
    );
    let tables = format!(
        "# ours\nscopes = [ 'api' ] # for now\nsigners = ['{key}']\n\n[[evidence]] # the first\nkind = 'nda'\n\
         reference = 'N0'\ndigest = '{hash}'\nfile = 'x'\nfrom = '2026-01-01'\nuntil = '2026-12-31'\n\
         recorded = '2026-01-01T00:00:00Z'\n"
    );
    for text in [inline, tables] {
        fs::write(shelf.file("acme"), &text).unwrap();
        record(&context, "acme", &nda("new", "2027-03-31")).unwrap();
        let why = Reason::parse("a mistake").unwrap();
        withdraw(&context, "acme", "N0", &why).unwrap();
        suspend(&context, "acme", &why).unwrap();
        let now = fs::read_to_string(shelf.file("acme")).unwrap();
        assert!(now.contains("# ours\nscopes = [ 'api' ] # for now"), "{now}");
        assert_eq!(now.contains("# the first"), text.contains("# the first"));
        let (dossier, _) = shelf.read("acme").unwrap().unwrap();
        assert_eq!(dossier.evidence.len(), 2);
        assert!(!dossier.evidence[0].is_live() && dossier.evidence[1].is_live() && dossier.suspended.is_some());
        resume(&context, "acme").unwrap();
        assert!(!fs::read_to_string(shelf.file("acme")).unwrap().contains("suspended"));
    }
}

#[test]
fn nothing_comes_into_force_that_the_ledger_does_not_tell_of() {
    let firm = Firm::new();
    let context = firm.context(None, at("2026-11-24"));
    let folder = firm.home.path().join("ledger");
    fs::write(&folder, "in the way").unwrap();
    record(&context, "acme", &nda("a", "2027-03-31")).unwrap_err();
    assert_eq!(Shelf::of(&firm.home, None).read("acme").unwrap(), None);
    // What ends something takes effect first; the same command again completes it.
    let why = Reason::parse("late payment").unwrap();
    let e = suspend(&context, "acme", &why).unwrap_err();
    assert!(e.word() == "incomplete" && e.to_string().starts_with("it is done"), "{e}");
    assert_eq!(
        stand(&firm.home, None, "acme", at("2026-11-24")).unwrap().demand(&mut Waiver::default()).unwrap_err().word(),
        "partner-suspended"
    );
    fs::remove_file(&folder).unwrap();
    assert_eq!(suspend(&context, "acme", &why).unwrap().entry, Some(1));
    assert_eq!(suspend(&context, "acme", &why).unwrap().entry, None);
    assert_eq!(firm.entries(), ["partner-suspended"]);
    // A resumption that can't be recorded resumes nobody.
    fs::rename(&folder, firm.home.path().join("away")).unwrap();
    fs::write(&folder, "in the way").unwrap();
    resume(&context, "acme").unwrap_err();
    assert!(stand(&firm.home, None, "acme", at("2026-11-24")).unwrap().outcome.is_err());
}

#[test]
fn withdrawing_brings_back_what_was_superseded_and_is_kept() {
    let firm = Firm::new();
    let workspace = firm.workspace("");
    let context = firm.context(Some(&workspace), at("2026-11-24"));
    let old = New { from: Some("2026-01-01".parse().unwrap()), ..nda("old", "2027-12-31") };
    record(&context, "acme", &old).unwrap();
    let wrong = record(&context, "acme", &nda("new", "2026-11-30")).unwrap().evidence;
    let named = || {
        stand(&firm.home, Some(&workspace), "acme", at("2026-11-25")).unwrap().demand(&mut Waiver::default()).unwrap()
    };
    assert_eq!(named().agreement(), Some("nda-2026-11-24"));
    let why = Reason::parse("wrong date").unwrap();
    assert!(withdraw(&context, "acme", &wrong.reference, &why).unwrap().entry.is_some());
    assert_eq!(named().agreement(), Some("nda-2026-01-01"));
    assert_eq!(withdraw(&context, "acme", &wrong.reference, &why).unwrap().entry, None);
    let e = withdraw(&context, "acme", "other", &why).unwrap_err();
    assert!(matches!(&e, Error::Agreement(Disagreement::NotOnRecord { known, .. }) if known.len() == 1), "{e}");
    // The name is free again.
    let right = New { reference: Some(wrong.reference), ..nda("new", "2027-11-30") };
    assert!(record(&context, "acme", &right).unwrap().entry.is_some());
    assert_eq!(firm.entries().last().unwrap(), "agreement-recorded");
}

#[test]
fn an_agreement_with_another_firm_of_the_same_name_is_never_relied_on() {
    let firm = Firm::new();
    let workspace = firm.workspace("");
    let context = firm.context(Some(&workspace), at("2026-11-24"));
    record(&context, "acme", &nda("a", "2027-03-31")).unwrap();
    let proof = |firm: &Firm| stand(&firm.home, Some(&workspace), "acme", at("2026-11-24")).map(|s| s.outcome.is_ok());
    assert!(proof(&firm).unwrap());
    let other = Firm::new();
    assert_eq!(proof(&other).unwrap_err().word(), "partner-differs");
    let there = Context { home: &other.home, ..context };
    let why = Reason::parse("x").unwrap();
    assert_eq!(record(&there, "acme", &nda("b", "2027-03-31")).unwrap_err().word(), "partner-differs");
    assert_eq!(suspend(&there, "acme", &why).unwrap_err().word(), "partner-differs");
    // Evidence without a key is about nobody.
    let path = Shelf::of(&firm.home, Some(&workspace)).file("acme");
    let text = fs::read_to_string(&path).unwrap();
    let bare: String =
        text.lines().filter(|line| !line.starts_with("signers")).map(|line| format!("{line}\n")).collect();
    fs::write(&path, bare).unwrap();
    assert_eq!(proof(&firm).unwrap_err().word(), "partner-differs");
}

#[test]
fn a_firm_that_changed_its_key_is_still_the_same_firm() {
    let firm = Firm::new();
    let context = firm.context(None, at("2026-11-24"));
    record(&context, "acme", &nda("a", "2027-03-31")).unwrap();
    let old = partners::find(&firm.home, "acme").unwrap().card().unwrap().clone();
    let fresh = SigningKey::generate().unwrap();
    let next = Card { signers: vec![CardKey::new(&fresh.public().line().unwrap(), "work")], ..old.card.clone() };
    let next = old.succeeded_by(next, &fresh, &firm.acme).unwrap();
    let _added = partners::add(&firm.home, &next, Some("acme"), Checked::Words, at("2026-11-24")).unwrap();
    assert!(stand(&firm.home, None, "acme", at("2026-11-24")).unwrap().outcome.is_ok());
    record(&context, "acme", &nda("b", "2027-03-31")).unwrap();
    assert_eq!(Shelf::of(&firm.home, None).read("acme").unwrap().unwrap().0.signers.len(), 2);
}

#[test]
fn what_is_demanded_follows_the_workspace_and_a_suspension_follows_the_partner() {
    let firm = Firm::new();
    let now = at("2026-11-24");
    let word = |workspace: Option<&Workspace>| {
        let demanded = stand(&firm.home, workspace, "acme", now).unwrap().demand(&mut Waiver::default());
        demanded.map_or_else(|e| e.word(), |_| "ok")
    };
    let plain = firm.workspace("");
    assert_eq!((word(None), word(Some(&plain))), ("ok", "nda-missing"));
    assert_eq!(word(Some(&firm.workspace("[require]\nevidence = []\n"))), "ok");
    record(&firm.context(Some(&plain), now), "acme", &nda("a", "2027-03-31")).unwrap();
    assert_eq!(word(Some(&plain)), "ok");
    assert_eq!(word(Some(&firm.workspace("[require]\nevidence = ['nda', 'audit']\n"))), "audit-missing");
    assert_eq!(word(Some(&firm.workspace("[require]\ncountersigned = true\n"))), "nda-not-countersigned");
    // Suspended at home is suspended in every workspace, and resumed everywhere.
    suspend(&firm.context(None, now), "acme", &Reason::parse("late").unwrap()).unwrap();
    assert_eq!((word(None), word(Some(&plain))), ("partner-suspended", "partner-suspended"));
    resume(&firm.context(Some(&plain), now), "acme").unwrap();
    assert_eq!((word(None), word(Some(&plain))), ("ok", "ok"));
    let e = resume(&firm.context(Some(&plain), now), "acme").unwrap_err();
    assert_eq!(e.word(), "not-suspended");
}

#[test]
fn an_override_lets_it_pass_once_and_tells_the_ledger_what_it_set_aside() {
    let firm = Firm::new();
    let workspace = firm.workspace("[require]\nevidence = ['nda', 'audit']\n");
    let standing = || stand(&firm.home, Some(&workspace), "acme", at("2026-11-24")).unwrap();
    let why = Reason::parse("the CEO said so").unwrap();
    let mut waiver = Waiver::new(Some(why.clone()));
    let proof = standing().demand(&mut waiver).unwrap();
    let words: Vec<_> = waiver.used().iter().map(|waived| (waived.partner.as_str(), waived.word)).collect();
    assert_eq!(words, [("acme", "nda-missing"), ("acme", "audit-missing")]);
    assert_eq!(proof.overridden(), Some((["nda-missing", "audit-missing"].as_slice(), &why)));
    assert!(standing::under(&proof).is_empty());
    assert_eq!(standing().demand(&mut Waiver::default()).unwrap_err().word(), "nda-missing");
    // A reason where nothing says no sets nothing aside.
    let open = firm.workspace("[require]\nevidence = []\n");
    let mut waiver = Waiver::new(Some(why));
    let proof = stand(&firm.home, Some(&open), "acme", at("2026-11-24")).unwrap().demand(&mut waiver).unwrap();
    assert!(proof.overridden().is_none() && waiver.was_needless());
}

/// An offer of this firm to Acme, and what came back.
fn signed_by_both(firm: &Firm, workspace: &Workspace, new: &New) -> SignedAgreement {
    let context = firm.context(Some(workspace), at("2026-11-24"));
    let ours = own_key(firm);
    let out = firm.dir.path().join("offer");
    let (offer, ..) = countersigned::offer(&context, "acme", new, &ours, |_| out.clone(), true).unwrap();
    offer.accept(&firm.acme).unwrap()
}

fn own_key(firm: &Firm) -> SigningKey {
    struct Typed;
    impl crate::crypto::PassphraseSource for Typed {
        fn passphrase(&self, _: &str) -> crate::crypto::Result<crate::crypto::Secret> {
            Ok(crate::crypto::Secret::new(b"pw".to_vec()))
        }
    }
    let key = keys::signing_key(&firm.home, &Typed).unwrap();
    assert_eq!(Some(&key.public()), firm.own.signers.first());
    key
}

#[test]
fn an_accepted_agreement_goes_on_record_and_its_signatures_are_looked_at_each_time() {
    let firm = Firm::new();
    let workspace = firm.workspace("[require]\ncountersigned = true\n");
    let context = firm.context(Some(&workspace), at("2026-11-24"));
    let both = signed_by_both(&firm, &workspace, &nda("a", "2027-03-31"));
    let word = || {
        let standing = stand(&firm.home, Some(&workspace), "acme", at("2026-11-24")).unwrap();
        let doubts = standing.doubts.len();
        (standing.demand(&mut Waiver::default()).map_or_else(|e| e.word(), |_| "ok"), doubts)
    };
    assert_eq!(word(), ("nda-missing", 0));
    let bytes = both.document.to_bytes();
    assert!(countersigned::take(&context, "acme", &bytes).unwrap().entry.is_some());
    assert_eq!(word(), ("ok", 0));
    assert_eq!(countersigned::take(&context, "acme", &bytes).unwrap().entry, None);
    assert_eq!(firm.entries(), ["agreement-offered", "agreement-recorded"]);
    let kept = Shelf::of(&firm.home, Some(&workspace)).agreement("acme", &both.id());
    // Neither a file that is gone, nor the offer alone, nor dates changed by hand stand for the partner's signature.
    let mut offer = both.document.clone();
    offer.armours.truncate(1);
    fs::write(&kept, offer.to_bytes()).unwrap();
    assert_eq!(word(), ("nda-not-countersigned", 1));
    fs::remove_file(&kept).unwrap();
    assert_eq!(word(), ("nda-not-countersigned", 1));
    fs::write(&kept, &bytes).unwrap();
    let path = Shelf::of(&firm.home, Some(&workspace)).file("acme");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("2027-03-31", "2037-03-31")).unwrap();
    assert_eq!(word(), ("nda-not-countersigned", 1));
    fs::write(&path, text).unwrap();
    assert_eq!(word(), ("ok", 0));
    let why = Reason::parse("ended early").unwrap();
    withdraw(&context, "acme", &both.agreement.reference, &why).unwrap();
    assert_eq!(countersigned::take(&context, "acme", &bytes).unwrap_err().word(), "agreement-withdrawn");
}

#[test]
fn what_is_on_record_can_be_countersigned_later_and_only_as_it_stands_there() {
    let firm = Firm::new();
    let workspace = firm.workspace("");
    let context = firm.context(Some(&workspace), at("2026-11-24"));
    let named = |text: &str, until: &str| New { reference: Some("N-1".into()), ..nda(text, until) };
    record(&context, "acme", &named("a", "2027-03-31")).unwrap();
    let good = signed_by_both(&firm, &workspace, &nda("a", "2027-03-31"));
    assert_eq!(good.agreement.reference, "N-1", "what is on record is offered");
    // The same name, but another document or other dates.
    let forged = |change: &dyn Fn(&mut crate::format::agreement::Agreement)| {
        let mut agreement = good.agreement.clone();
        change(&mut agreement);
        SignedAgreement::offer(&agreement, &own_key(&firm)).unwrap().accept(&firm.acme).unwrap().document.to_bytes()
    };
    for (forged, what) in [
        (forged(&|a| a.until = "2028-03-31".parse().unwrap()), "last day"),
        (forged(&|a| a.from = "2026-11-23".parse().unwrap()), "first day"),
        (forged(&|a| a.document = digest(b"b")), "document"),
        (forged(&|a| a.kind = EvidenceKind::audit()), "kind"),
    ] {
        let e = countersigned::take(&context, "acme", &forged).unwrap_err();
        assert!(e.word() == "agreement-differs" && e.to_string().contains(what), "{e}");
    }
    let taken = countersigned::take(&context, "acme", &good.document.to_bytes()).unwrap();
    assert_eq!(taken.dossier.evidence.len(), 1);
    assert_eq!(firm.entries().last().unwrap(), "agreement-countersigned");
}

#[test]
fn an_agreement_of_others_or_signed_by_one_alone_is_refused() {
    let firm = Firm::new();
    let workspace = firm.workspace("");
    let context = firm.context(Some(&workspace), at("2026-11-24"));
    let birch = SigningKey::generate().unwrap();
    firm.knows("birch", &birch);
    let both = signed_by_both(&firm, &workspace, &nda("a", "2027-03-31"));
    let word = |partner: &str, bytes: &[u8]| countersigned::take(&context, partner, bytes).unwrap_err().word();
    let bytes = both.document.to_bytes();
    assert_eq!(word("birch", &bytes), "other-parties", "replayed for another partner");
    let mut offer = both.document.clone();
    offer.armours.truncate(1);
    assert_eq!(word("acme", &offer.to_bytes()), "not-accepted");
    // Birch signs in Acme's place.
    let mut stolen = offer.clone();
    stolen.armours.push(birch.sign(crate::format::agreement::NAMESPACE, &stolen.line).unwrap());
    assert_eq!(word("acme", &stolen.to_bytes()), "changed");
    // Two strangers, one of whom calls itself Northwind.
    let (a, b) = (SigningKey::generate().unwrap(), &firm.acme);
    let mut theirs = both.agreement.clone();
    theirs.parties[0].key = a.public().fingerprint();
    let theirs = SignedAgreement::offer(&theirs, &a).unwrap().accept(b).unwrap();
    assert_eq!(word("acme", &theirs.document.to_bytes()), "other-parties");
    let tampered = String::from_utf8(bytes).unwrap().replacen("2027-03-31", "2037-03-31", 1);
    assert_eq!(word("acme", tampered.as_bytes()), "bad-signature");
    assert_eq!(firm.entries(), ["agreement-offered"], "nothing was recorded");
    assert_eq!(Shelf::of(&firm.home, Some(&workspace)).read("acme").unwrap(), None);
}

#[test]
fn the_one_who_accepts_knows_the_other_and_is_the_one_who_is_asked() {
    let firm = Firm::new();
    let now = at("2026-11-24");
    // Acme offers to Northwind, who accepts.
    let offered = |by: &SigningKey, to: &SigningKey| {
        let party = |name: &str, key: &SigningKey| crate::format::agreement::Party {
            name: name.into(),
            key: key.public().fingerprint(),
        };
        let agreement = crate::format::agreement::Agreement {
            consign: "agreement/1".into(),
            kind: EvidenceKind::nda(),
            reference: "A-1".into(),
            document: digest(b"a"),
            file: "a.pdf".into(),
            from: "2026-11-24".parse().unwrap(),
            until: "2027-03-31".parse().unwrap(),
            parties: vec![party("Acme", by), party("Northwind", to)],
            at: now,
        };
        SignedAgreement::offer(&agreement, by).unwrap().document.to_bytes()
    };
    let (ours, stranger) = (own_key(&firm), SigningKey::generate().unwrap());
    let word = |bytes: &[u8]| Offer::read(&firm.home, bytes, now).map_or_else(|e| e.word(), |_| "ok");
    assert_eq!(word(&offered(&stranger, &ours)), "untrusted");
    let out = firm.dir.path().join("signed");
    let elsewhere = Offer::read(&firm.home, &offered(&firm.acme, &stranger), now).unwrap();
    assert_eq!(elsewhere.accept(&firm.home, &ours, &out, false, now).unwrap_err().word(), "not-asked");
    assert!(!out.exists() && firm.entries().is_empty());
    let offer = Offer::read(&firm.home, &offered(&firm.acme, &ours), now).unwrap();
    assert_eq!(offer.partner, "acme");
    offer.accept(&firm.home, &ours, &out, false, now).unwrap();
    let both = fs::read(&out).unwrap();
    assert_eq!(word(&both), "already-accepted");
    // Both sides can put it on record.
    let taken = countersigned::take(&firm.context(None, now), "acme", &both).unwrap();
    assert!(taken.evidence.countersigned.is_some());
    assert_eq!(firm.entries(), ["agreement-accepted", "agreement-recorded"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_document_is_not_recorded() {
    let dir = tempfile::tempdir().unwrap();
    let word = |name: &str| Document::read(&dir.path().join(name), &files::Silent).unwrap_err().word();
    fs::write(dir.path().join("empty"), "").unwrap();
    assert_eq!((word("."), word("gone"), word("empty")), ("io", "io", "empty-document"));
    let odd = dir.path().join("n\u{202e}da\n.pdf");
    fs::write(&odd, "x").unwrap();
    assert_eq!(Document::read(&odd, &files::Silent).unwrap().file, "n\\u{202e}da\\n.pdf");
}
