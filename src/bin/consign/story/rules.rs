//! The steps of the demo that are about rules: scope, agreement, terms, and a bundle of which each vendor sees its own
//! part.

use std::fs;

use consign::class::Class;
use consign::exchange::agreements::{self, Context, Document, New};
use consign::exchange::founding::{Founding, found};
use consign::exchange::receive;
use consign::exchange::send::{self, Send, To};
use consign::exchange::{Workspace, keys};
use consign::files::Silent;
use consign::format::agreement::EvidenceKind;
use consign::format::date::Date;
use consign::format::entry::{Entry, Kind};
use consign::format::time::Time;
use consign::policy::Offer;

use super::{Known, PROJECT, Story, expect_refusal, oops};

/// The scope of each vendor: what it is called, for whom, and what it lets out.
const SCOPES: [(&str, &str, &[&str]); 2] =
    [("api", "acme", &["services/api/", "proto/"]), ("firmware", "birch", &["firmware/", "proto/"])];

/// What scope `api` keeps in, and `.consignignore` too.
const KEPT: &str = "services/api/dev.local";

const DAY: i64 = 86_400;

impl Story {
    /// The rules of the project.
    pub(super) fn workspace(&self) -> Result<Workspace, String> {
        let home = &self.firm(0)?.home;
        Workspace::find(&self.project(), home).map_err(oops)?.ok_or_else(|| "there is no workspace".to_owned())
    }

    /// Puts an NDA on record that began a year ago.
    fn agree(&self, partner: &str, ends_in: i64) -> Result<(), String> {
        let file = self.folder.join(format!("nda-{partner}-{ends_in}.txt"));
        fs::write(&file, format!("What Northwind shows to {partner} stays between them.\n")).map_err(oops)?;
        let day = |days: i64| Date::of(Time::from_unix(self.now.unix() + days * DAY));
        let new = New {
            kind: EvidenceKind::nda(),
            document: Document::read(&file, &Silent).map_err(oops)?,
            from: Some(day(if ends_in < 0 { -365 } else { 0 })),
            until: day(ends_in),
            reference: None,
            by: None,
        };
        let workspace = self.workspace()?;
        let home = &self.firm(0)?.home;
        let context = Context { home, workspace: Some(&workspace), now: self.now, signer: None };
        agreements::record(&context, partner, &new).map(drop).map_err(oops)
    }

    /// What of the sample a scope lets out.
    pub(super) fn in_scope(scope: &str) -> impl Iterator<Item = &'static str> {
        let include = SCOPES.iter().find(|(name, ..)| *name == scope).map_or(&[][..], |(.., include)| include);
        let paths = PROJECT.iter().map(|(path, ..)| *path);
        paths.filter(move |path| *path != KEPT && include.iter().any(|folder| path.starts_with(folder)))
    }

    pub(super) fn scope(&mut self) -> Result<String, String> {
        let project = self.project();
        let terms = Some("Not yours to share.\n");
        found(&project, &Founding { owner: "Northwind", licence: "", terms }).map_err(oops)?;
        for (name, partner, include) in SCOPES {
            let list: Vec<String> = include.iter().map(|folder| format!("\"{folder}\"")).collect();
            let wider = if self.spoiled("scope") { ", \"docs/\"" } else { "" };
            let text = format!("partners = [\"{partner}\"]\ninclude = [{}{wider}]\n", list.join(", "));
            fs::write(project.join(format!(".consign/scopes/{name}.toml")), text).map_err(oops)?;
        }
        self.know(0, 2)?;
        self.agree("acme", 90)?;
        let (own, to, workspace) = (self.own()?, [To::from("acme:api")], self.workspace()?);
        let screen = self.screen()?;
        let order = self.order(&project, &to, &own, &self.folder, &screen);
        let order = Send { dry_run: true, workspace: Some(&workspace), ..order };
        let draft = send::draft(&self.firm(0)?.home, &order, &Silent).map_err(oops)?;
        let (total, want, files) = (PROJECT.len(), Story::in_scope("api").count() as u64, draft.files());
        if files != want {
            return Err(format!("{files} of {total} files would go, not {want}"));
        }
        Ok(format!("{total} files in the project; scope \"api\" lets {files} out"))
    }

    pub(super) fn secrets(&mut self) -> Result<String, String> {
        let file = self.project().join("services/api/.env");
        // Put together here, so that this file holds no such key itself.
        let key = if self.spoiled("secrets") { String::new() } else { ["AKIA", "Q3EGRIVK5XTNPB7M"].concat() };
        fs::write(&file, format!("AWS_ACCESS_KEY_ID={key}\n")).map_err(oops)?;
        let (path, own, to, workspace) = (self.project(), self.own()?, [To::from("acme:api")], self.workspace()?);
        let screen = self.screen()?;
        let order = self.order(&path, &to, &own, &self.folder, &screen);
        let order = Send { workspace: Some(&workspace), name: Some("spoiled"), ..order };
        let home = self.firm(0)?.home.clone();
        let signer = keys::signing_key(&home, &Known).map_err(oops)?;
        let sent = send::draft(&home, &order, &Silent).and_then(|draft| draft.ship(&[&signer], None, &Silent));
        fs::remove_file(&file).map_err(oops)?;
        let said = "an AWS key planted in services/api/.env: stopped, as it should be";
        expect_refusal(sent.map(drop), Class::Findings, said)
    }

    pub(super) fn nda(&mut self) -> Result<String, String> {
        self.agree("birch", if self.spoiled("NDA") { 23 } else { -23 })?;
        let (path, own, to, workspace) = (self.project(), self.own()?, [To::from("birch:firmware")], self.workspace()?);
        let screen = self.screen()?;
        let order = Send { workspace: Some(&workspace), ..self.order(&path, &to, &own, &self.folder, &screen) };
        let draft = send::draft(&self.firm(0)?.home, &order, &Silent);
        expect_refusal(draft, Class::Refused, "Birch's ended 23 days ago: stopped, as it should be")
    }

    pub(super) fn terms(&mut self) -> Result<String, String> {
        let revealed = self.reveal(&self.bundle, 1, 1).map_err(oops)?;
        let (target, offer) = (self.folder.join("not-accepted"), receive::offer(&revealed));
        let accepted = match self.spoiled("terms") {
            true => offer.by_word(),
            false => Offer::default().nothing().ok_or("there is something to accept in nothing")?,
        };
        let order = self.unpacking(&target, &accepted);
        let got = receive::unpack(&self.firm(1)?.home, &revealed, &order, &Silent);
        expect_refusal(
            got.map(drop),
            Class::NeedsAPerson,
            "Acme has not accepted Northwind's: stopped, as it should be",
        )
    }

    pub(super) fn two_parts(&mut self) -> Result<String, String> {
        self.agree("birch", 90)?;
        let (path, own, workspace) = (self.project(), self.own()?, self.workspace()?);
        let to = [To::from("acme:api"), To::from("birch:firmware")];
        let screen = self.screen()?;
        let order = Send { workspace: Some(&workspace), ..self.order(&path, &to, &own, &self.folder, &screen) };
        let home = self.firm(0)?.home.clone();
        let signer = keys::signing_key(&home, &Known).map_err(oops)?;
        let draft = send::draft(&home, &order, &Silent).map_err(oops)?;
        let sent = draft.ship(&[&signer], None, &Silent).map_err(oops)?;
        let file = sent.file.ok_or("there is no bundle")?;
        let mut seen = Vec::new();
        for (firm, scope) in [(1, "api"), (2, "firmware")] {
            let key_of = if self.spoiled("two parts") { 1 } else { firm };
            let want: Vec<&str> = Story::in_scope(scope).collect();
            let mut files = Vec::new();
            let revealed = self.reveal(&file, firm, key_of).map_err(oops)?;
            let mut list = |_: usize, entry: &Entry| {
                if matches!(entry.kind, Kind::File { .. }) {
                    files.push(entry.path.as_str().to_owned());
                }
                Ok(())
            };
            revealed.list(&mut list).map_err(oops)?;
            files.sort();
            let same = files.len() == want.len() && want.iter().all(|path| files.iter().any(|f| f == path));
            if !same {
                return Err(format!("a vendor sees {} files, not the {} of its part", files.len(), want.len()));
            }
            seen.push(files.len());
        }
        let (acme, birch) = (seen.first().copied().unwrap_or(0), seen.last().copied().unwrap_or(0));
        Ok(format!("one bundle: Acme sees its {acme} files and Birch its {birch}, neither the other's"))
    }
}
