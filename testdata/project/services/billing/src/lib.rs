// SPDX-License-Identifier: LicenseRef-Northwind

//! Once a month each shop gets one invoice. This crate makes the numbers in it;
//! another program makes the paper.
//!
//! Money is counted in whole cents. There is no floating point number in this
//! crate, and a review will send back any change that brings one in.

pub mod invoice;
pub mod tax;

/// An amount in cents. It may be negative: a credit is an invoice, too.
pub type Cents = i64;
