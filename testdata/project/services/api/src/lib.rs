// SPDX-License-Identifier: LicenseRef-Northwind

//! Order tracking for Northwind. An order becomes parcels, parcels get scanned,
//! and a customer who asks gets a state and an estimate.
//!
//! The modules form a line: `order`, `parcel`, and `scan` are plain data,
//! `store` keeps them, `eta` reads them, `routes` talks to the outside.

pub mod clock;
pub mod config;
pub mod error;
pub mod eta;
pub mod order;
pub mod page;
pub mod parcel;
pub mod routes;
pub mod scan;
pub mod store;
pub mod webhook;
