//! Mending: from copies whose members were gathered to one bundle as it was signed, in which only what no copy has is
//! lost. Headers, padding and the end follow from the signed list, so they are made again.

use std::io::Write;
use std::sync::Arc;

use super::damage::{Damage, Harm};
use super::gather::{Gathered, Gatherer, Hints, Spot};
use super::open::{Layout, Place};
use super::statement::{Recovered, span};
use super::survey::Copy;
use super::verify::Trusted;
use super::{Error, Result};
use crate::crypto::{Digest, digest};
use crate::files::{self, Progress, Source};
use crate::format::container::{CLOSING, End, Member, unlisted};
use crate::format::envelope::Compartment;
use crate::format::tar::{BLOCK, outer, pad};
use crate::format::version::{DOCUMENT_MAX, KEY_MEMBER_MAX};

/// A bundle put together from copies.
pub struct Mended {
    trusted: Trusted,
    /// What is damaged in the first copy.
    pub damage: Vec<Damage>,
    /// What no copy has.
    pub lost: Vec<Damage>,
    /// How many members each copy gave.
    pub taken: Vec<u64>,
    /// How many members the bundle has.
    pub members: u64,
}

/// Where the data of a member comes from.
enum Data<'a> {
    Spot(Spot),
    Known(&'a [u8]),
    Lost(u64),
}

impl Recovered {
    /// Finds every member and lays them out as they were signed.
    ///
    /// # Errors
    /// What the system says. A member that no copy has is no error here; it is in [`Mended::lost`].
    pub fn mend(self, progress: &dyn Progress) -> Result<Mended> {
        let Recovered { mut trusted, copies, sums } = self;
        let signed = &trusted.signed;
        let members: Vec<(Member, Digest)> = signed.listed().collect();
        let anchors: Vec<u64> = signed.compartments().iter().map(|c| c.manifest.offset).collect();
        let Gathered { spots, hints } = Gatherer::new(&copies, progress).run(&members, &anchors)?;
        let sizes = sizes(&members, &spots, &hints, signed.compartments());
        let mut mend = Mend::over(&copies, signed.compartments());
        let mut keys = Vec::new();
        for ((&(member, hash), spot), size) in members.iter().zip(&spots).zip(sizes) {
            let at = mend.made.len();
            let data = spot.map_or(Data::Lost(size), Data::Spot);
            match member {
                Member::Key(_) | Member::Terms(_) => keys.push((at, load(&copies, *spot, &hash, KEY_MEMBER_MAX))),
                _ => {}
            }
            mend.member(member, &data)?;
        }
        let card = members.iter().zip(&spots).find(|((member, _), _)| *member == Member::Card);
        let card = card.and_then(|((_, hash), spot)| load(&copies, *spot, hash, DOCUMENT_MAX));
        let tail = keys.first().map_or(0, |(at, _)| *at);
        let end = End { tail, sums: mend.made.len(), envelope: mend.made.len() + span(sums.len() as u64) };
        for member in unlisted(&signed.envelope) {
            let known = match member {
                Member::Sums => sums.as_slice(),
                Member::Envelope => signed.opened.envelope.as_slice(),
                Member::Signature(n) => signed.opened.armours.get(n).ok_or(Error::Bug)?,
                _ => continue,
            };
            mend.member(member, &Data::Known(known))?;
        }
        mend.end(&end);
        let Mend { made, places, damage, lost, taken, .. } = mend;
        let members = places.len() as u64;
        let opened = &mut trusted.signed.opened;
        opened.source = Arc::new(made);
        opened.end = end;
        opened.keys = keys.into_iter().map(|(at, data)| (at, data.unwrap_or_default())).collect();
        opened.card = card;
        opened.layout = Some(Layout { places });
        Ok(Mended { trusted, damage, lost, taken, members })
    }
}

impl Mended {
    /// The bundle, to be read. What is lost reads as zeros, and fails wherever it is looked at.
    #[must_use]
    pub fn into_trusted(self) -> Trusted {
        self.trusted
    }

    /// The length of the whole bundle, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.trusted.signed.size()
    }

    /// Whose bundle it is.
    #[must_use]
    pub fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// Writes the bundle as it was signed. Whoever publishes it checks it once more.
    ///
    /// # Errors
    /// [`Error::Beyond`] when no copy has one of its members; what the system says.
    pub fn write(&self, out: &mut dyn Write, progress: &dyn Progress) -> Result<()> {
        if !self.lost.is_empty() {
            return Err(Error::Beyond { lost: self.lost.clone(), members: self.members });
        }
        let source = &self.trusted.signed.opened.source;
        progress.begin("write", source.len());
        let (mut buffer, mut at) = (vec![0; 1 << 20], 0);
        while at < source.len() {
            if progress.stopped() {
                return Err(files::Error::Stopped.into());
            }
            let len = usize::try_from(source.len() - at).unwrap_or(usize::MAX).min(buffer.len());
            let some = buffer.get_mut(..len).unwrap_or_default();
            source.read_at(at, some)?;
            out.write_all(some).map_err(Error::Output)?;
            at += len as u64;
            progress.advance(len as u64);
        }
        Ok(())
    }
}

/// The data of a small member, if it is still what was found.
fn load(copies: &[Copy], spot: Option<Spot>, hash: &Digest, most: u64) -> Option<Vec<u8>> {
    let spot = spot.filter(|spot| spot.size <= most)?;
    let mut data = vec![0; usize::try_from(spot.size).ok()?];
    copies.get(spot.copy)?.source.read_at(spot.data, &mut data).ok()?;
    (digest(&data) == *hash).then_some(data)
}

/// The size of every member: that of what was found; for what is lost what its header says, if the places of the
/// manifests, which are signed, agree; else an equal share of the room.
fn sizes(
    members: &[(Member, Digest)],
    spots: &[Option<Spot>],
    hints: &Hints,
    compartments: &[Compartment],
) -> Vec<u64> {
    let hint = |member: &Member| hints.get(member).and_then(|h| h.first()).map(|h| h.size);
    let known = |(member, _): &(Member, Digest), spot: &Option<Spot>| match (spot, member) {
        (Some(spot), _) => Some(spot.size),
        (None, Member::Manifest(c)) => compartments.get(*c).map(|it| it.manifest.size),
        (None, _) => None,
    };
    let mut sizes: Vec<Option<u64>> = members.iter().zip(spots).map(|(m, s)| known(m, s)).collect();
    let (mut first, mut start) = (0, 0);
    for (c, it) in compartments.iter().enumerate() {
        let rest = members.iter().skip(first);
        let count = rest.take_while(|(m, _)| *m != Member::Manifest(c)).count();
        let run = sizes.get_mut(first..first + count).unwrap_or_default();
        let room = it.manifest.offset.saturating_sub(start);
        let hinted: Vec<Option<u64>> =
            run.iter().zip(members.iter().skip(first)).map(|(size, (m, _))| size.or_else(|| hint(m))).collect();
        let taken: u64 = hinted.iter().flatten().map(|size| span(*size)).fold(0, u64::saturating_add);
        if taken == room || (taken < room && hinted.iter().any(Option::is_none)) {
            run.copy_from_slice(&hinted);
        }
        share(run, room);
        first += count + 1;
        start = it.manifest.offset.saturating_add(span(it.manifest.size));
    }
    members.iter().zip(sizes).map(|((member, _), size)| size.or_else(|| hint(member)).unwrap_or(0)).collect()
}

/// Gives those without a size equal shares of what the others leave of the room.
fn share(run: &mut [Option<u64>], room: u64) {
    let taken: u64 = run.iter().flatten().map(|size| span(*size)).fold(0, u64::saturating_add);
    let mut left = room.saturating_sub(taken);
    let mut count = run.iter().filter(|size| size.is_none()).count() as u64;
    for size in run.iter_mut().filter(|size| size.is_none()) {
        let some = if count == 1 { left } else { left / count / BLOCK * BLOCK };
        *size = Some(some.saturating_sub(BLOCK));
        left -= some;
        count -= 1;
    }
}

/// The bundle as it is laid out, and what differs in the first copy.
struct Mend<'a> {
    copies: &'a [Copy],
    compartments: &'a [Compartment],
    made: Source,
    places: Vec<Place>,
    damage: Vec<Damage>,
    lost: Vec<Damage>,
    taken: Vec<u64>,
    /// How far the first copy is off its places.
    shift: i128,
}

impl<'a> Mend<'a> {
    fn over(copies: &'a [Copy], compartments: &'a [Compartment]) -> Mend<'a> {
        let name = copies.first().map_or(std::path::Path::new(""), |c| c.source.name());
        let made = Source::of_pieces(name);
        let (places, damage, lost, taken) = (Vec::new(), Vec::new(), Vec::new(), vec![0; copies.len()]);
        Mend { copies, compartments, made, places, damage, lost, taken, shift: 0 }
    }

    fn found(&self, member: Member, from: u64, to: u64, what: Harm) -> Damage {
        let volumes = |c: usize| self.compartments.get(c).map_or(0, |it| it.volumes);
        Damage::new(member, volumes, from, to, what)
    }

    /// What the end of the first copy says about a member that it does not have.
    fn harm(&self, from: u64, to: u64) -> Harm {
        match self.copies.first().map_or(0, |c| c.source.len()) {
            len if len <= from => Harm::Missing,
            len if len < to => Harm::CutShort,
            _ => Harm::Changed,
        }
    }

    fn member(&mut self, member: Member, data: &Data<'_>) -> Result<()> {
        let size = match data {
            Data::Spot(spot) => spot.size,
            Data::Known(bytes) => bytes.len() as u64,
            Data::Lost(size) => *size,
        };
        let from = self.made.len();
        let to = from.checked_add(span(size)).ok_or(Error::Bug)?;
        self.places.push(Place { member, data: from + BLOCK, size, lost: matches!(data, Data::Lost(_)) });
        let header = outer(&member.name(), size);
        match data {
            Data::Spot(spot) => self.take(member, *spot, &header, (from, to)),
            Data::Known(bytes) => self.know(member, bytes, &header, (from, to)),
            Data::Lost(_) => {
                let damage = self.found(member, from, to, self.harm(from, to));
                self.damage.push(damage.clone());
                self.lost.push(damage);
                self.made.push_bytes(&header);
                self.made.push_lost(to - from - BLOCK);
            }
        }
        Ok(())
    }

    fn take(&mut self, member: Member, spot: Spot, header: &[u8; 512], (from, to): (u64, u64)) {
        let Some(copy) = self.copies.get(spot.copy) else { return };
        if let Some(taken) = self.taken.get_mut(spot.copy) {
            *taken += 1;
        }
        let head = spot.data.checked_sub(BLOCK).filter(|at| reads(&copy.source, *at, header));
        match head {
            Some(at) => self.made.push_piece(&copy.source, at, BLOCK + spot.size),
            None => {
                self.made.push_bytes(header);
                self.made.push_piece(&copy.source, spot.data, spot.size);
            }
        }
        let padding = [0; 512];
        let padding = padding.get(..usize::try_from(pad(spot.size)).unwrap_or(0)).unwrap_or_default();
        let sound = reads(&copy.source, spot.data + spot.size, padding);
        match sound {
            true => self.made.push_piece(&copy.source, spot.data + spot.size, padding.len() as u64),
            false => self.made.push_bytes(padding),
        }
        if spot.copy > 0 {
            let damage = self.found(member, from, to, self.harm(from, to));
            self.damage.push(damage);
            return;
        }
        let shift = i128::from(spot.data) - i128::from(from + BLOCK);
        if shift != self.shift {
            self.shift = shift;
            self.damage.push(self.found(member, from, to, Harm::Moved));
        } else if head.is_none() || !sound {
            self.damage.push(self.found(member, from, to, Harm::Around));
        }
    }

    /// A member that is in memory, since it is of the statement.
    fn know(&mut self, member: Member, bytes: &[u8], header: &[u8; 512], (from, to): (u64, u64)) {
        let mut whole = [header.as_slice(), bytes].concat();
        whole.resize(usize::try_from(to - from).unwrap_or(whole.len()), 0);
        let Some(copy) = self.copies.first() else { return };
        let at = u64::try_from(i128::from(from) + self.shift).unwrap_or(from);
        if reads(&copy.source, at, &whole) {
            self.made.push_piece(&copy.source, at, to - from);
            if let Some(taken) = self.taken.first_mut() {
                *taken += 1;
            }
            return;
        }
        let what = match copy.place_of(bytes).map(|data| i128::from(data) - i128::from(from + BLOCK)) {
            Some(shift) if shift != self.shift => {
                self.shift = shift;
                Harm::Moved
            }
            Some(_) => Harm::Around,
            None => self.harm(at, at + (to - from)),
        };
        self.damage.push(self.found(member, from, to, what));
        self.made.push_bytes(&whole);
    }

    /// The end, and whatever follows it in the first copy.
    fn end(&mut self, end: &End) {
        let from = self.made.len();
        let closing = end.closing();
        self.places.push(Place { member: Member::End, data: from + BLOCK, size: end.text().len() as u64, lost: false });
        let Some(copy) = self.copies.first() else { return };
        let at = u64::try_from(i128::from(from) + self.shift).unwrap_or(from);
        if reads(&copy.source, at, &closing) {
            self.made.push_piece(&copy.source, at, CLOSING);
        } else {
            self.damage.push(self.found(Member::End, from, from + CLOSING, self.harm(at, at + CLOSING)));
            self.made.push_bytes(&closing);
        }
        let after = at.saturating_add(CLOSING);
        if copy.source.len() > after {
            let (member, volume) = ("after the end".to_owned(), None);
            self.damage.push(Damage { member, volume, from: after, to: copy.source.len(), what: Harm::Added });
        }
    }
}

/// Whether these bytes stand there.
fn reads(source: &Source, at: u64, bytes: &[u8]) -> bool {
    if at.saturating_add(bytes.len() as u64) > source.len() {
        return false;
    }
    let mut buffer = [0; 4096];
    bytes.chunks(buffer.len()).enumerate().all(|(n, chunk)| {
        let there = buffer.get_mut(..chunk.len()).unwrap_or_default();
        source.read_at(at + n as u64 * 4096, there).is_ok() && there == chunk
    })
}
