-- SPDX-License-Identifier: LicenseRef-Northwind
-- Scans are kept for ninety days. After that only the state of the parcel
-- remains, which is what the agreement with the carriers allows.
CREATE TABLE scans (
    device        TEXT NOT NULL,
    counter       INTEGER NOT NULL,
    parcel_number CHAR(12) NOT NULL,
    hall          TEXT NOT NULL,
    scanned_at    BIGINT NOT NULL,
    -- A scanner that lost the radio sends the same scan again.
    PRIMARY KEY (device, counter)
);
