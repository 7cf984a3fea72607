//! The outbound gate's engine through the library: what must be found wherever it stands, what must not, and that no
//! input makes it slow. Secrets are put together here, so that this file holds none.

use std::time::{Duration, Instant};

use consign::gate::{Gate, Gitleaks, HITS_MAX, Hit, Kind, OVERLAP, Piece, Rules, Wide, listed};
use proptest::prelude::*;

fn aws() -> String {
    ["AKIA", "QYLPMN5HHHFPZAM7"].concat()
}

fn gate() -> Gate {
    Gate::new(Rules::default())
}

fn pem(label: &str) -> String {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n";
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", line.repeat(8))
}

fn whole(gate: &Gate, path: &str, bytes: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    assert_eq!(gate.screen(&Piece::whole(path, bytes), &mut hits), 0);
    hits
}

fn rules(gate: &Gate, path: &str, text: &str) -> Vec<String> {
    whole(gate, path, text.as_bytes()).into_iter().map(|hit| hit.rule).collect()
}

/// The slices of a file, cut at these places, last first.
fn sliced(gate: &Gate, bytes: &[u8], cuts: &[usize]) -> Vec<Hit> {
    let mut ends: Vec<usize> = cuts.iter().map(|at| at % (bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    let mut hits = Vec::new();
    let starts: Vec<usize> = [0].into_iter().chain(ends.iter().copied()).collect();
    for (n, (start, end)) in
        starts.into_iter().zip(ends.iter().copied()).enumerate().collect::<Vec<_>>().into_iter().rev()
    {
        let before = &bytes[start.saturating_sub(OVERLAP)..start];
        let last = n + 1 == ends.len();
        let piece = Piece { path: "a.env", offset: start as u64, before, bytes: &bytes[start..end], last };
        gate.screen(&piece, &mut hits);
    }
    hits.sort_by(|a, b| (a.offset, &a.rule).cmp(&(b.offset, &b.rule)));
    hits
}

#[test]
fn secrets_of_many_forms_are_found_and_none_is_shown() {
    let gate = gate();
    let random = "q8XkT2vbN4mZr7pLw3Ys9HdFj6GcV1Ba5Ue0Ro2Ti4Pn8Mk";
    let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (rule, text) in [
        ("github-token", format!("x = '{}{}'", "ghp_", &random[..36])),
        ("gitlab-token", format!("{}{}", "glpat-", &random[..20])),
        ("slack-token", format!("{}{}", "xoxb-", "263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1")),
        ("stripe-key", format!("{}{}", "sk_live_", &random[..24])),
        ("npm-token", format!("//registry.example/:_authToken={}{}", "npm_", &random[..36])),
        ("google-api-key", format!("{}{}", "AIza", &random[..35])),
        ("azure-storage-key", format!("AccountName=a;AccountKey={}{}==", &random[..43], &random[..43])),
        ("digitalocean-token", format!("{}{hex}", "dop_v1_")),
        ("database-url", format!("postgres://app:{}@db.internal/app", &random[..12])),
        ("url-password", format!("https://bot:{}@git.internal/x", &random[..16])),
        ("password", format!("password = \"{}\"", &random[..12])),
        ("secret", format!("\"client_secret\": \"{}\"", &random[..32])),
        ("token", format!("auth_token: str = '{}'", &random[..32])),
        ("aws-secret-key", format!("aws_secret_access_key = {}", &random[..40])),
        ("private-key", pem("RSA PRIVATE KEY")),
        ("private-key", pem("ENCRYPTED PRIVATE KEY").replace('\n', "\r\n")),
        ("private-key", format!("key = \"{}\"", pem("EC PRIVATE KEY").replace('\n', "\\n"))),
        ("openssh-private-key", pem("OPENSSH PRIVATE KEY")),
        ("pgp-private-key", pem("PGP PRIVATE KEY BLOCK")),
        (
            "age-identity",
            format!("{}{}", "AGE-SECRET-KEY-1", "QL3Z7HJY54PW3HYWW5AYYFG7ZQGVC7W3J2ELW8ZMRJ2KG5SFN9AQ".repeat(2)),
        ),
        ("wireguard-private-key", format!("PrivateKey = {}=\n", &random[..43])),
    ] {
        let hits = whole(&gate, "a.conf", text.as_bytes());
        assert!(hits.iter().any(|hit| hit.rule == rule), "{rule}: {hits:?} in {text}");
        assert!(hits.iter().all(|hit| hit.shown.len() <= 16 && !hit.shown.contains(&random[4..12])), "{hits:?}");
        assert!(listed().iter().any(|known| known.word == rule), "{rule} is not listed");
    }
}

#[test]
fn what_only_stands_for_a_secret_is_passed_over() {
    let gate = gate();
    for text in [
        "password = \"${DB_PASSWORD}\"",
        "password = os.environ['APP_PASSWORD']",
        "aws = 'AKIAIOSFODNN7EXAMPLE'",
        "token = getAccessToken(request)",
        "secret_name = 'kubernetes-dashboard-certs-2'",
        "<password>changeme123</password>",
        "https://user:password@example.com/",
        "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----",
        "if header == '-----BEGIN PRIVATE KEY-----':",
        "api_key: xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "PASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']",
    ] {
        assert_eq!(rules(&gate, "a.py", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_secret_is_found_in_utf16_of_both_orders_with_and_without_a_mark() {
    let gate = gate();
    for (big, mark) in [(false, ""), (false, "\u{feff}"), (true, ""), (true, "\u{feff}")] {
        let text = format!("{mark}Überschrift\r\nkey = {}\r\n", aws());
        let units = text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() });
        let hits = whole(&gate, "a.txt", &units.collect::<Vec<u8>>());
        assert_eq!(hits.len(), 1, "{big} {mark:?}");
        assert_eq!((hits[0].len, hits[0].wide), (40, if big { Wide::Big } else { Wide::Little }));
        assert_eq!(hits[0].digest, consign::crypto::digest(aws().as_bytes()));
    }
}

#[test]
fn a_secret_is_found_in_a_minified_line_of_5_mb() {
    let mut line = "function a(b){return c.d(e,f)||g},".repeat(5 << 20 >> 5);
    line.push_str(&aws());
    let begun = Instant::now();
    assert_eq!(whole(&gate(), "app.min.js", line.as_bytes()).len(), 1);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn a_secret_is_found_at_the_end_of_a_file_of_2_gb() {
    let gate = gate();
    let end = 2_u64 << 30;
    let text = format!("\n{}\n", aws());
    let (first, second) = text.split_at(9);
    let mut before = vec![b'.'; OVERLAP];
    before[OVERLAP - first.len()..].copy_from_slice(first.as_bytes());
    let mut hits = Vec::new();
    let one = Piece { path: "a", offset: end - OVERLAP as u64, before: &[b'.'; OVERLAP], bytes: &before, last: false };
    let two = Piece { path: "a", offset: end, before: &before, bytes: second.as_bytes(), last: true };
    [one, two].iter().for_each(|piece| assert_eq!(gate.screen(piece, &mut hits), 0));
    assert_eq!(hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [end - 8]);
}

#[test]
fn a_secret_in_a_file_name_and_the_names_of_key_stores_are_found() {
    let gate = Gate::new(Rules { words: vec!["falcon".into()], ..Rules::default() });
    let named = |path: &str| {
        let mut hits = Vec::new();
        gate.screen_name(path, &mut hits);
        hits.into_iter().map(|hit| (hit.rule, hit.offset, hit.len)).collect::<Vec<_>>()
    };
    assert_eq!(named(&format!("backup/{}.txt", aws())), [("aws-access-key".to_owned(), 7, 20)]);
    assert_eq!(named("home/.ssh/id_rsa"), [("key-file-name".to_owned(), 0, 16)]);
    assert_eq!(named("src/Falcon/x.c"), [("forbidden-word".to_owned(), 4, 6)]);
    assert_eq!(named("src/id_rsa.pub"), []);
}

#[test]
fn binary_stores_of_keys_are_known_by_their_first_bytes() {
    let gate = gate();
    let rsa =
        b"\x30\x82\x04\xbd\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04\x82\x04\xa7";
    let jks = b"\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01";
    let p12 = b"\x30\x82\x09\x5f\x02\x01\x03\x30\x82\x09\x25\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
    for (bytes, rule) in [(&rsa[..], "der-private-key"), (jks, "java-keystore"), (p12, "pkcs12-keystore")] {
        let hits = sliced(&gate, bytes, &[3]);
        assert_eq!(hits.iter().map(|h| (h.rule.as_str(), h.kind)).collect::<Vec<_>>(), [(rule, Kind::PrivateKey)]);
    }
    assert!(whole(&gate, "a.der", b"\x30\x82\x04\xbd\x30\x82\x03\xa5\xa0\x03\x02\x01\x02").is_empty(), "a certificate");
}

#[test]
fn no_file_of_keywords_makes_it_slow_and_hits_beyond_the_cap_are_counted() {
    let file = "[[rules]]\nid = 'mine'\nregex = '(a|b|ab)*[a-z]*c{1,50}'\nkeywords = ['ecret']\n";
    let gate = Gate::new(Rules { gitleaks: Some(Gitleaks::read(file, "x").unwrap()), ..Rules::default() });
    let size = if cfg!(debug_assertions) { 2 << 20 } else { 64 << 20 };
    for text in [
        "AKIA",
        "-----BEGIN PRIVATE KEY-----",
        "secret=",
        "://a:b",
        "eyJ.eyJ.eyJ",
        "\"kty\"{\"d\"",
        "wilio ",
        "sig=&se=",
    ] {
        let bytes = text.repeat(size / text.len());
        let begun = Instant::now();
        gate.screen(&Piece::whole("a.env", bytes.as_bytes()), &mut Vec::new());
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(20), "{text}: {took:?}");
        println!("{text}: {took:?} for {} MiB", size >> 20);
    }
    let many = format!("{}\n", aws()).repeat(3 * HITS_MAX);
    let mut hits = Vec::new();
    assert_eq!(gate.screen(&Piece::whole("a", many.as_bytes()), &mut hits), 2 * HITS_MAX as u64);
    assert_eq!(hits.len(), HITS_MAX);
}

#[test]
fn a_users_rules_find_what_ours_do_not_and_their_allow_lists_hold() {
    let file = r#"
        [extend]
        useDefault = true
        disabledRules = ["aws-access-key"]
        [allowlist]
        paths = ['''^vendor/''']
        [[rules]]
        id = "acme-key"
        description = "Acme key"
        regex = '''(?i)\bacme[-_]key\s*=\s*"([a-z0-9]{12})"'''
        keywords = ["ACME"]
        entropy = 2.0
        [[rules.allowlists]]
        condition = "AND"
        regexTarget = "line"
        regexes = ['''\Q// sample\E''']
        stopwords = ["sample"]
        [[rules]]
        id = "dump"
        path = '''\.dump\z'''
    "#;
    let gate = Gate::new(Rules { gitleaks: Some(Gitleaks::read(file, "rules.toml").unwrap()), ..Rules::default() });
    assert_eq!(rules(&gate, "a.c", "acme_key = \"a1b2c3d4e5f6\""), ["acme-key"]);
    assert_eq!(rules(&gate, "a.c", "acme_key = \"a1b2c3d4e5f6\" // sample"), ["acme-key"]);
    assert!(rules(&gate, "a.c", "acme_key = \"a1sample5f6x\" // sample").is_empty());
    assert!(rules(&gate, "a.c", "acme_key = \"aaaaaaaaaaaa\"").is_empty());
    assert!(rules(&gate, "vendor/a.c", "acme_key = \"a1b2c3d4e5f6\"").is_empty());
    assert!(rules(&gate, "a.c", &aws()).is_empty(), "turned off by the file");
    let mut hits = Vec::new();
    ["db/all.dump", "db/all.dumps"].iter().for_each(|path| gate.screen_name(path, &mut hits));
    assert_eq!(hits.len(), 1);
    assert_eq!((hits[0].rule.as_str(), hits[0].title.as_str()), ("dump", "dump"));
}

#[test]
fn the_page_about_the_gate_names_every_rule() {
    let page = include_str!("../docs/GATE.md");
    let missing: Vec<_> = listed().into_iter().filter(|rule| !page.contains(&format!("`{}`", rule.word))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn bits() -> impl Strategy<Value = Vec<u8>> {
    let known = prop_oneof![
        Just(aws().into_bytes()),
        Just(pem("RSA PRIVATE KEY").into_bytes()),
        Just(b"password = \"q8XkT2vbN4mZ\"\n".to_vec()),
        Just(b"postgres://app:q8XkT2vbN4mZ@db/x ".to_vec()),
        Just(aws().encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Just(b"-----BEGIN ".to_vec()),
        Just(b"\"kty\":\"EC\",\"d\":\"".to_vec()),
        (0_usize..70_000).prop_map(|n| vec![b'.'; n]),
        proptest::collection::vec(any::<u8>(), 0..40),
        "[ -~\n]{0,60}".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(known, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_in_any_slices_give_the_same_hits_within_bounds(
        bytes in bits(),
        cuts in proptest::collection::vec(any::<usize>(), 0..5),
    ) {
        let gate = gate();
        let mut want = whole(&gate, "a.env", &bytes);
        want.sort_by(|a, b| (a.offset, &a.rule).cmp(&(b.offset, &b.rule)));
        prop_assert!(want.iter().all(|hit| hit.offset as usize + hit.len <= bytes.len()));
        prop_assert_eq!(sliced(&gate, &bytes, &cuts), want);
    }
}
