// SPDX-License-Identifier: LicenseRef-Northwind

// From a request line to an answer. The functions here decide nothing by
// themselves; they only translate between text and the store.

use crate::clock::Clock;
use crate::error::Error;
use crate::eta::{estimate, words};
use crate::order::OrderNumber;
use crate::page::page;
use crate::store::Store;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
}

impl<'a> Request<'a> {
    /// Splits the first line of a request. A line that is too short gives an
    /// empty path, which no route knows, and so the client gets a 404.
    pub fn from_line(line: &'a str) -> Request<'a> {
        let mut parts = line.split(' ');
        Request {
            method: parts.next().unwrap_or(""),
            path: parts.next().unwrap_or(""),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub body: String,
}

pub fn answer(request: Request<'_>, store: &mut Store, clock: &dyn Clock) -> Response {
    let result = match (request.method, request.path) {
        ("GET", path) if path.starts_with("/orders/") => {
            order_text(&path["/orders/".len()..], store, clock)
        }
        ("GET", path) if path.starts_with("/parcels") => Ok(parcels_text(path, store)),
        // Placing orders and scans come with a body. The gateway turns those
        // into calls of the store, so they don't pass through here.
        (_, path) => Err(Error::Missing(path.to_string())),
    };
    match result {
        Ok(body) => Response { status: 200, body },
        Err(error) => Response { status: error.status(), body: error.to_string() },
    }
}

// One line for the order and one line for each of its parcels. Shops have
// parsed this since 2019, so new words may only be added at the end of a line.
fn order_text(number: &str, store: &Store, clock: &dyn Clock) -> Result<String, Error> {
    let number = OrderNumber::parse(number)?;
    let order = store.order(&number)?;
    let now = clock.now();
    let mut text = format!("order {} {} g\n", order.number.as_str(), order.grams());
    for parcel in store.parcels_of(&number) {
        let when = words(estimate(parcel.state, now), now);
        text.push_str(&format!("parcel {} {}; {when}\n", parcel.number, parcel.state.word()));
    }
    Ok(text)
}

fn parcels_text(path: &str, store: &Store) -> String {
    // The token is a parcel number. Anything else is harmless: it sorts before
    // or after all numbers, and the shop sees the whole list or none of it.
    let after = path.split_once("after=").map_or("", |(_, token)| token);
    let page = page(store.parcels_after(after), 50);
    let mut text = String::new();
    for parcel in &page.parcels {
        text.push_str(&format!("{} {}\n", parcel.number, parcel.state.word()));
    }
    if let Some(next) = page.next {
        text.push_str(&format!("next {next}\n"));
    }
    text
}
