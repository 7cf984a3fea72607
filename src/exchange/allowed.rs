//! The list of who may sign, as `ssh-keygen -Y verify` reads it: everybody whom this home trusts, in lines that stock
//! tools accept when this program does. FORMAT §8.4.

use super::trust::Trust;
use super::{Home, Result, partners};
use crate::format::envelope::NAMESPACE;
use crate::format::patterns::Patterns;
use crate::format::signerlist::Listed;

/// What a key signs here that nothing limits: bundles, and the documents that go with them.
const NAMESPACES: &str = "consign-*";

/// The lines for these partners; for all of them and for one's own firm, if none is named.
///
/// # Errors
/// A partner who is not there; a record that can't be read.
pub fn lines(home: &Home, only: &[String]) -> Result<Vec<String>> {
    for name in only {
        partners::find(home, name)?;
    }
    let trust = Trust::of(home)?;
    let names: Vec<&str> = trust.on_record().map(|(name, _)| name).collect();
    let mut lines = Vec::new();
    for (name, listed) in trust.on_record() {
        if only.is_empty() || only.iter().any(|asked| asked == name) {
            lines.extend(line(name, listed, &names)?);
        }
    }
    Ok(lines)
}

/// What is limited stays as narrow as it was put on record; what is not for bundles has no line.
fn line(name: &str, listed: &Listed, names: &[&str]) -> Result<Option<String>> {
    let namespaces = listed.namespaces.clone().unwrap_or_else(|| Patterns::new(NAMESPACES));
    if !namespaces.matches(NAMESPACE) {
        return Ok(None);
    }
    let principals = principals(name, listed, names);
    Ok(Listed { namespaces: Some(namespaces), ..listed.clone() }.line(&principals)?)
}

/// A key is its partner's, by the name that it has here: what a partner calls itself, and the principals of a list that
/// it sent, could be somebody else's name. An authority's certificates name people, so its patterns stay, but for the
/// names of the other partners.
fn principals(name: &str, line: &Listed, names: &[&str]) -> String {
    let Some(list) = line.principals.as_ref().filter(|_| line.authority) else { return name.to_owned() };
    let mut others: Vec<&str> = names.iter().copied().filter(|other| *other != name && list.matches(other)).collect();
    others.dedup();
    others.iter().map(|other| format!("!{other},")).chain([list.as_str().to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn read(start: &str) -> (Listed, String) {
        let key = SigningKey::generate().unwrap().public().line().unwrap();
        (format!("{start}{key}").parse().unwrap(), key)
    }

    fn told(listed: &Listed) -> Option<String> {
        line("acme", listed, &["you", "acme", "acme", "birch", "birch"]).unwrap()
    }

    #[test]
    fn a_list_that_a_partner_sent_gives_it_nobody_elses_name() {
        let (plain, key) = read("birch,*,boss@north.example ");
        assert_eq!(told(&plain), Some(format!("acme namespaces=\"consign-*\" {key}")));
        let (authority, key) = read("* cert-authority ");
        let wanted = format!("!you,!birch,* cert-authority,namespaces=\"consign-*\" {key}");
        assert_eq!(told(&authority), Some(wanted));
        let (narrow, key) = read("\"a b,*@acme.example\" cert-authority,namespaces=\"consign-bundle-v?\" ");
        let wanted = format!("\"a b,*@acme.example\" cert-authority,namespaces=\"consign-bundle-v?\" {key}");
        assert_eq!(told(&narrow), Some(wanted));
        assert_eq!(told(&read("acme namespaces=\"git\" ").0), None);
    }
}
