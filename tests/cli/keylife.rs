//! The life of keys: rotation, cards that end, several machines of one firm, post-quantum bundles. Each story is played
//! by both sides.

use serde_json::Value;

use crate::desk::{Desk, Ran};

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap()
}

fn number(desk: &Desk, firm: &str, partner: &str) -> u64 {
    let shown = desk.run(firm, &format!("partner show {partner} --json")).ok();
    json(&shown)["partner"]["number"].as_u64().unwrap()
}

#[test]
fn a_rotated_key_is_taken_without_a_call_and_an_older_card_never_again() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("north", "pack tree --to acme").ok();
    desk.run("acme", "card -o acme-1.card").ok();
    desk.run("acme", "pack tree --to northwind --name early").ok();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let before = json(&desk.run("acme", "key list --json").ok());
    desk.run("acme", "key rotate").ok().says("number 2");
    desk.run("acme", "card -o acme-2.card").ok();

    // Nobody is asked, no words are given: the card on record speaks for the new one.
    let added = desk.run("north", "partner add acme-2.card").ok();
    added.says("no call is needed");
    assert_eq!(number(&desk, "north", "acme"), 2);
    let shown = json(&desk.run("north", "partner show acme --json").ok());
    assert_eq!(shown["partner"]["checked"], "unchecked", "no better than before");
    for old in ["partner add acme-1.card", "partner add acme-1.card --as other --unchecked"] {
        let refused = desk.run("north", old);
        assert!(refused.err.contains("card-downgrade") || refused.err.contains("partner-known"), "{}", refused.err);
    }
    desk.run("north", "partner add acme-1.card").fails(6, "card-downgrade");

    // The old key still opens what was sent to it, the new one what comes now, and what Acme signs is Acme's.
    desk.run("acme", "unpack acme-0001.consign").ok();
    desk.run("north", "pack tree --to acme").ok();
    desk.run("acme", "unpack acme-0002.consign").ok();
    desk.run("acme", "pack tree --to northwind").ok();
    desk.run("north", "unpack northwind-0001.consign -o back").ok();
    desk.run("north", "log verify").ok();
    // What the old key signed in its time is still Acme's, for both.
    desk.run("north", "verify early.consign").ok().says("acme");
    desk.run("acme", "verify early.consign").ok();

    // Whoever knows the old card only does not know the new signing key.
    desk.new_firm("birch", "Birch");
    desk.run("birch", "partner add acme-1.card --unchecked").ok();
    desk.run("birch", "verify northwind-0001.consign").fails(5, "untrusted");

    let after = json(&desk.run("acme", "key list --json").ok());
    let keys = |list: &Value| list["keys"].as_array().unwrap().len();
    assert_eq!((keys(&before), keys(&after)), (3, 6));
    let retired = after["keys"].as_array().unwrap().iter().filter(|key| !key["retired"].is_null()).count();
    assert_eq!(retired, 3);
}

#[test]
fn a_missed_card_is_no_harm_under_the_same_key_and_has_to_be_asked_for_over_a_new_one() {
    let desk = Desk::with_firms();
    for card in ["renewed-2", "renewed-3"] {
        desk.run("acme", "key renew --expires 24mo").ok();
        desk.run("acme", &format!("card -o {card}.card")).ok();
    }
    desk.run("north", "partner add renewed-3.card").ok();
    desk.run("north", "partner add renewed-2.card").fails(6, "card-downgrade");
    desk.run("acme", "key rotate").ok();
    desk.run("acme", "key rotate").ok();
    desk.run("acme", "card -o newest.card").ok();
    desk.run("north", "partner add newest.card --unchecked")
        .fails(6, "card-unlinked")
        .says("ask the firm for the cards in between");
    desk.run("acme", "card --number 4 -o between.card").ok();
    desk.run("north", "partner add between.card").ok();
    desk.run("north", "partner add newest.card").ok();
    assert_eq!(number(&desk, "north", "acme"), 5);
}

#[test]
fn a_card_that_somebody_else_signed_over_is_refused() {
    let desk = Desk::with_firms();
    desk.new_firm("birch", "Acme Dev Oy");
    desk.run("birch", "key rotate").ok();
    desk.run("birch", "card -o false.card").ok();
    desk.run("north", "partner add false.card --unchecked").fails(1, "partner-exists");
    assert_eq!(number(&desk, "north", "acme"), 1);
}

#[test]
fn an_end_that_is_near_is_told_to_both_sides_and_a_past_one_stops_the_sender() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("acme", "key renew --expires 20d").ok();
    desk.run("acme", "card -o soon.card").ok();
    desk.run("north", "partner add soon.card").ok();
    desk.run("north", "partner list").ok().says(" days");
    let packed = desk.run("north", "pack tree --to acme").ok();
    assert!(packed.err.contains("the card of acme ends"), "{}", packed.err);
    let own = desk.run("acme", "pack tree --to northwind").ok();
    assert!(own.err.contains("your own card ends"), "{}", own.err);
    desk.run("acme", "key list").ok().says(" days");
    desk.run("acme", "key renew --no-end").ok().says("no end");
    desk.run("acme", "key renew --expires 2020-01-01").fails(2, "bad-value");
}

#[test]
fn a_second_machine_joins_the_firm_and_partners_take_what_it_signs() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.run("acme", "card -o acme.firm").ok();
    desk.args("server", &["key", "new", "--for", "acme.firm", "--label", "build server"]).ok();
    desk.run("server", "card -o server.card").ok();

    // A card that asks to join another firm is not taken, nor is any card of a stranger.
    desk.run("north", "key add server.card").fails(6, "not-joining");
    desk.new_firm("birch", "Birch");
    desk.run("acme", "key add birch.card").fails(6, "not-joining");

    desk.run("acme", "key add server.card").ok().says("number 2");
    desk.run("acme", "key add server.card").fails(2, "key-listed");
    desk.run("acme", "card -o acme-2.card").ok();
    desk.run("server", "key join birch.card").fails(6, "not-listed");
    desk.run("server", "key join acme-2.card").ok();
    desk.run("north", "partner add acme-2.card").ok();

    desk.run("north", "pack tree --to acme").ok();
    desk.run("server", "partner add north.card --as northwind --unchecked").ok();
    for firm in ["acme", "server"] {
        desk.run(firm, &format!("unpack acme-0001.consign -o {firm}-out")).ok();
    }
    desk.run("server", "pack tree --to northwind").ok();
    desk.run("north", "unpack northwind-0001.consign -o back").ok().says("from");
    desk.run("server", "key rotate").fails(2, "not-first-key");
    desk.run("server", "log verify").ok();

    // Taken off the card, the server is a stranger but for what it signed until then, and nothing more is locked to it.
    desk.args("acme", &["key", "remove", "build server"]).ok();
    desk.run("acme", "card -o acme-3.card").ok();
    desk.run("north", "partner add acme-3.card").ok();
    desk.run("server", "pack tree --to northwind --name late").ok();
    desk.run("north", "verify late.consign").fails(5, "untrusted");
    desk.run("north", "pack tree --to acme").ok();
    desk.run("server", "list acme-0002.consign").fails(4, "wrong-key");
    desk.run("acme", "list acme-0002.consign").ok();
}

#[test]
fn a_bundle_is_post_quantum_if_everybody_can_and_names_who_can_not() {
    let desk = Desk::with_firms();
    desk.tree();
    let packed = json(&desk.run("north", "pack tree --to acme --json").ok());
    assert_eq!(packed["post_quantum"], true);
    assert_eq!(packed["classical_because"], serde_json::json!([]));
    let seen = json(&desk.run("ci", "inspect acme-0001.consign --json").ok());
    assert_eq!(seen["compartments"][0]["post_quantum"], true);

    // A partner whose card has no such key, as cards of other programs may have none.
    desk.new_firm("birch", "Birch");
    let classical = json(&desk.run("birch", "key list --json").ok())["keys"][0]["public"].clone();
    let classical = classical.as_str().unwrap().to_owned();
    let packed = json(&desk.args("north", &["pack", "tree", "--to", "acme", "-r", &classical, "--json"]).ok());
    assert_eq!(packed["post_quantum"], false);
    assert_eq!(packed["classical_because"], serde_json::json!([classical]));
    let text = desk.args("north", &["pack", "tree", "--to", "acme", "-r", &classical, "-n"]).ok();
    text.says("classical, not post-quantum");
    for (firm, bundle) in [("acme", "acme-0001"), ("acme", "acme-0002"), ("birch", "acme-0002")] {
        if firm == "birch" {
            desk.run("birch", "partner add north.card --unchecked").ok();
        }
        desk.run(firm, &format!("unpack {bundle}.consign -o {firm}-{bundle}")).ok();
    }

    // Somebody who has only a post-quantum key can't stand beside somebody who has none.
    let quantum = json(&desk.run("birch", "key list --json").ok())["keys"][1]["public"].clone();
    let quantum = quantum.as_str().unwrap();
    let mixed = ["pack", "tree", "-r", &classical, "-r", quantum];
    desk.args("north", &mixed).fails(2, "mixed-recipients");
}

#[test]
fn a_backup_that_can_only_open_classical_bundles_is_never_left_behind() {
    let desk = Desk::with_firms();
    desk.tree();
    desk.new_firm("vault", "Vault");
    let keys = json(&desk.run("vault", "key list --json").ok());
    let (classical, quantum) = (keys["keys"][0]["public"].clone(), keys["keys"][1]["public"].clone());
    let (classical, quantum) = (classical.as_str().unwrap(), quantum.as_str().unwrap());
    let added = desk.args("acme", &["key", "add", classical, "--label", "backup"]).ok();
    added.says("backup has no post-quantum key");
    desk.args("acme", &["key", "add", classical, "--label", "again"]).fails(2, "key-listed");
    desk.run("acme", "card -o acme-2.card").ok();
    desk.run("north", "partner add acme-2.card").ok();
    let packed = json(&desk.run("north", "pack tree --to acme --json").ok());
    assert_eq!((&packed["post_quantum"], &packed["classical_because"][0]), (&false.into(), &"acme".into()));
    desk.run("vault", "partner add north.card --unchecked").ok();
    desk.run("vault", "unpack acme-0001.consign -o out").ok();

    // With its post-quantum key on the card too, bundles are post-quantum again, and the backup opens them.
    desk.args("acme", &["key", "add", quantum, "--label", "backup"]).ok();
    desk.run("acme", "card -o acme-3.card").ok();
    desk.run("north", "partner add acme-3.card").ok();
    assert_eq!(json(&desk.run("north", "pack tree --to acme --json").ok())["post_quantum"], true);
    desk.run("vault", "unpack acme-0002.consign -o out2").ok();
    let removed = desk.run("acme", "key remove backup").ok();
    assert_eq!(removed.out.matches("removed").count(), 2, "{}", removed.out);
}
