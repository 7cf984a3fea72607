-- SPDX-License-Identifier: LicenseRef-Northwind
-- States are small numbers, in the order of parcel.proto. We do not use an
-- enum type here, because adding a value to one locks the whole table.
CREATE TABLE parcels (
    number       CHAR(12) PRIMARY KEY,
    order_number CHAR(9) NOT NULL REFERENCES orders (number),
    state        SMALLINT NOT NULL DEFAULT 1 CHECK (state BETWEEN 1 AND 5),
    grams        INTEGER NOT NULL,
    hall         TEXT NOT NULL DEFAULT ''
);

-- The page of a shop reads parcels by number, a few at a time.
CREATE INDEX parcels_by_order ON parcels (order_number, number);
