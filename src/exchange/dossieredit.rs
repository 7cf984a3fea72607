//! Changing a dossier: under a lock, so that of two runs none loses what the other one wrote; whole or not at all; and
//! so that comments and the order of a person's own lines stay. A change is written and synced first, then the ledger
//! is asked, and then one rename puts it in place, or nothing.

use std::fs;
use std::io::Write;
use std::path::Path;

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::dossier::{Dossier, Shelf, is_there};
use super::mistake::Mistake;
use super::partners::Partner;
use super::tomlfile::Text;
use super::{Home, Result};
use crate::crypto::Digest;
use crate::files::{self, Lock, Pending, io_at};
use crate::format::card::SignedCard;
use crate::format::version::DOCUMENT_MAX;
use crate::policy::agreement::{Evidence, Suspension, Withdrawn};

/// A dossier that nobody else changes meanwhile.
pub struct Edit<'a> {
    shelf: &'a Shelf,
    partner: &'a Partner,
    document: DocumentMut,
    /// What it says, with all changes so far.
    pub dossier: Dossier,
    _lock: Lock,
}

/// A changed dossier, synced under a hidden name.
#[must_use = "nothing is changed until it is published"]
pub struct Prepared {
    pending: Pending,
    _lock: Lock,
}

impl<'a> Edit<'a> {
    /// Takes the dossier of a partner, or begins one.
    ///
    /// # Errors
    /// [`super::Error::PartnerDiffers`]; a mistake in it; what the system says.
    pub fn begin(home: &Home, shelf: &'a Shelf, partner: &'a Partner) -> Result<Edit<'a>> {
        let lock = lock(home, shelf)?;
        let path = shelf.file(&partner.name);
        let (dossier, text) = match shelf.read(&partner.name)? {
            Some(found) => found,
            None => {
                let name = &partner.name;
                (
                    Dossier::default(),
                    format!(
                        "# What is on record for {name}. consign writes it, and keeps your lines.\n\nsigners = []\n"
                    ),
                )
            }
        };
        shelf.ensure_same(partner, &dossier)?;
        let document = text.parse().map_err(|e: toml_edit::TomlError| Mistake::whole(&path, e.message()))?;
        let mut edit = Edit { shelf, partner, document, dossier, _lock: lock };
        edit.name_keys();
        Ok(edit)
    }

    /// The keys that the partner has now stand in it, and those that it had.
    fn name_keys(&mut self) {
        let new: Vec<_> =
            self.partner.fingerprints().into_iter().filter(|key| !self.dossier.signers.contains(key)).collect();
        if new.is_empty() {
            return;
        }
        let root = self.document.as_table_mut();
        let list = root.entry("signers").or_insert(value(Array::new()));
        if let Some(list) = list.as_array_mut() {
            new.iter().for_each(|key| list.push(key.as_str()));
        }
        self.dossier.signers.extend(new);
    }

    /// Puts evidence to its end.
    pub fn add(&mut self, one: Evidence) {
        let root = self.document.as_table_mut();
        let list = root.entry("evidence").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        if let Some(tables) = list.as_array_of_tables_mut() {
            let mut table = Table::new();
            fill(&mut table, &one);
            tables.push(table);
        } else if let Some(list) = list.as_array_mut() {
            let mut table = InlineTable::new();
            fill(&mut table, &one);
            list.push(table);
        }
        self.dossier.evidence.push(one);
    }

    /// Says that a partner signed the n-th evidence too.
    pub fn countersign(&mut self, n: usize, id: Digest) {
        self.set(n, "countersigned", id.to_string().into());
        if let Some(one) = self.dossier.evidence.get_mut(n) {
            one.countersigned = Some(id);
        }
    }

    /// Says that the n-th evidence counts no more.
    pub fn withdraw(&mut self, n: usize, withdrawn: Withdrawn) {
        let mut table = InlineTable::new();
        table.insert("at", withdrawn.at.to_string().into());
        table.insert("why", withdrawn.why.as_str().into());
        self.set(n, "withdrawn", table.into());
        if let Some(one) = self.dossier.evidence.get_mut(n) {
            one.withdrawn = Some(withdrawn);
        }
    }

    fn set(&mut self, n: usize, key: &str, to: Value) {
        let list = self.document.get_mut("evidence");
        let table: Option<&mut dyn TableLike> = match list {
            Some(Item::ArrayOfTables(tables)) => tables.get_mut(n).map(|table| table as &mut dyn TableLike),
            Some(Item::Value(Value::Array(list))) => {
                list.get_mut(n).and_then(Value::as_inline_table_mut).map(|table| table as &mut dyn TableLike)
            }
            _ => None,
        };
        if let Some(table) = table {
            table.insert(key, Item::Value(to));
        }
    }

    /// Suspends the partner, or ends its suspension.
    pub fn suspend(&mut self, suspension: Option<Suspension>) {
        let root = self.document.as_table_mut();
        match &suspension {
            Some(suspension) => {
                let mut table = InlineTable::new();
                table.insert("since", suspension.since.to_string().into());
                table.insert("why", suspension.why.as_str().into());
                root.insert("suspended", value(table));
            }
            None => drop(root.remove("suspended")),
        }
        self.dossier.suspended = suspension;
    }

    /// Lets the partner have these scopes, and no others.
    pub fn bind(&mut self, scopes: &[String]) {
        let list: Array = scopes.iter().map(String::as_str).collect();
        self.document.as_table_mut().insert("scopes", value(list));
        self.dossier.scopes = scopes.to_vec();
    }

    /// Writes it, and the partner's card beside it in a workspace, under a hidden name. It still has to be published.
    ///
    /// # Errors
    /// What the system says; what does not say what it should, and then nothing is changed.
    pub fn prepare(self) -> Result<Prepared> {
        let path = self.shelf.file(&self.partner.name);
        let text = self.document.to_string();
        let says = Dossier::parse(Text::new(text.as_bytes(), &path)?)?;
        if says != self.dossier {
            return Err(Mistake::whole(&path, "it can't be changed by a program: put [[evidence]] at its end").into());
        }
        if self.shelf.is_in_workspace() {
            self.keep_card()?;
        }
        let mut pending = Pending::create(&path, true)?;
        pending.write_all(text.as_bytes()).map_err(io_at("write", &path))?;
        pending.sync()?;
        Ok(Prepared { pending, _lock: self._lock })
    }

    /// Puts the card beside the dossier, unless a newer one is there.
    fn keep_card(&self) -> Result<()> {
        let Some(card) = self.partner.card() else { return Ok(()) };
        let path = self.shelf.card(&self.partner.name);
        if is_there(&path, fs::Metadata::is_file, "it is not a file")?
            && let Ok(there) = files::read_file(&path, DOCUMENT_MAX)
            && SignedCard::read(&there).is_ok_and(|there| there.follows(card) && there.card.number >= card.card.number)
        {
            return Ok(());
        }
        Ok(files::write_new(&path, &card.document.to_bytes(), true)?)
    }
}

impl Prepared {
    /// Puts it in place.
    ///
    /// # Errors
    /// What the system says.
    pub fn publish(self) -> Result<()> {
        Ok(self.pending.publish()?)
    }
}

/// Keeps others from changing what lies there, and makes the folder.
fn lock(home: &Home, shelf: &Shelf) -> Result<Lock> {
    if !shelf.is_in_workspace() {
        return Ok(Lock::wait(&home.make_folder("partners")?.join("lock"))?);
    }
    make_folder(shelf.folder())?;
    Ok(Lock::of_folder(shelf.folder())?)
}

/// Makes a folder in a workspace, which lies in a real folder and is one.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    if is_there(folder, fs::Metadata::is_dir, "it is not a folder")? {
        return Ok(());
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(io_at("make", folder)(e).into()),
        _ => Ok(files::sync_folder(files::folder_of(folder))?),
    }
}

fn fill(table: &mut dyn TableLike, one: &Evidence) {
    let mut put = |key: &str, text: &str| {
        table.insert(key, value(text));
    };
    put("kind", one.kind.as_str());
    put("reference", &one.reference);
    put("digest", &one.document.to_string());
    put("file", &one.file);
    put("from", &one.from.to_string());
    put("until", &one.until.to_string());
    if let Some(by) = &one.by {
        put("by", by);
    }
    put("recorded", &one.recorded.to_string());
    if let Some(id) = &one.countersigned {
        put("countersigned", &id.to_string());
    }
}
