//! The list of who may sign, as `ssh-keygen -Y verify` reads it: everybody whom this home trusts, in lines that stock
//! tools accept when this program does. FORMAT §8.4.

use super::partners::{self, Known, Partner};
use super::{Home, Result, keys};
use crate::format::envelope::NAMESPACE;
use crate::format::patterns::Patterns;
use crate::format::signerlist::Listed;

/// What the keys of a card sign here: bundles, and the documents that go with them.
const NAMESPACES: &str = "consign-*";

/// The lines for these partners; for all of them and for one's own firm, if none is named.
///
/// # Errors
/// A partner who is not there; a record that can't be read.
pub fn lines(home: &Home, only: &[String]) -> Result<Vec<String>> {
    let all = partners::list(home)?;
    let names: Vec<&str> = std::iter::once(partners::YOU).chain(all.iter().map(|p| p.name.as_str())).collect();
    let mut lines = Vec::new();
    if only.is_empty()
        && let Some(own) = keys::own_card(home)?
    {
        lines.extend(of(partners::YOU, &Known::Card(Box::new(own)), &names)?);
    }
    let asked: Vec<Partner> = match only {
        [] => all.clone(),
        only => only.iter().map(|name| partners::find(home, name)).collect::<Result<_>>()?,
    };
    for partner in &asked {
        lines.extend(of(&partner.name, &partner.known, &names)?);
    }
    Ok(lines)
}

fn of(name: &str, known: &Known, names: &[&str]) -> Result<Vec<String>> {
    let listed: Vec<Listed> = match known {
        // What else it lists is its owner's word.
        Known::Card(card) => {
            let until = card.card.expires;
            card.proven.iter().cloned().map(|key| Listed { until, ..Listed::bare(key) }).collect()
        }
        Known::Keys(keys) => keys.signers.clone(),
    };
    let mut lines = Vec::new();
    for mut line in listed {
        let principals = principals(name, &line, names);
        // What is limited stays as narrow as it was put on record.
        line.namespaces = Some(line.namespaces.unwrap_or_else(|| Patterns::new(NAMESPACES)));
        if line.namespaces.as_ref().is_some_and(|list| list.matches(NAMESPACE)) {
            lines.extend(line.line(&principals)?);
        }
    }
    Ok(lines)
}

/// A key is its partner's, by the name that it has here: what a partner calls itself, and the principals of a list that
/// it sent, could be somebody else's name. An authority's certificates name people, so its patterns stay, but for the
/// names of the other partners.
fn principals(name: &str, line: &Listed, names: &[&str]) -> String {
    let Some(list) = line.principals.as_ref().filter(|_| line.authority) else { return name.to_owned() };
    let others = names.iter().filter(|other| **other != name && list.matches(other));
    others.map(|other| format!("!{other},")).chain([list.as_str().to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::SigningKey;

    fn line(start: &str) -> (Listed, String) {
        let key = SigningKey::generate().unwrap().public().line().unwrap();
        (format!("{start}{key}").parse().unwrap(), key)
    }

    fn told(name: &str, line: Listed) -> Vec<String> {
        let keys = crate::format::sshkeys::SshKeys { recipients: Vec::new(), signers: vec![line] };
        of(name, &Known::Keys(keys), &["you", "acme", "birch"]).unwrap()
    }

    #[test]
    fn a_list_that_a_partner_sent_gives_it_nobody_elses_name() {
        let (plain, key) = line("birch,*,boss@north.example ");
        assert_eq!(told("acme", plain), [format!("acme namespaces=\"consign-*\" {key}")]);
        let (authority, key) = line("* cert-authority ");
        let wanted = format!("!you,!birch,* cert-authority,namespaces=\"consign-*\" {key}");
        assert_eq!(told("acme", authority), [wanted]);
        let (narrow, key) = line("\"a b,*@acme.example\" cert-authority,namespaces=\"consign-bundle-v?\" ");
        let wanted = format!("\"a b,*@acme.example\" cert-authority,namespaces=\"consign-bundle-v?\" {key}");
        assert_eq!(told("acme", narrow), [wanted]);
        assert!(told("acme", line("acme namespaces=\"git\" ").0).is_empty());
    }
}
