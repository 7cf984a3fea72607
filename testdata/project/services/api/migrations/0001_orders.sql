-- SPDX-License-Identifier: LicenseRef-Northwind
-- The order is the oldest table. Shops know its number, so it never changes.
CREATE TABLE orders (
    number         CHAR(9) PRIMARY KEY,
    shop           TEXT NOT NULL,
    shop_reference TEXT NOT NULL,
    placed_at      BIGINT NOT NULL,
    -- One reference of one shop is one order, however often the shop calls.
    UNIQUE (shop, shop_reference)
);

CREATE TABLE order_lines (
    order_number CHAR(9) NOT NULL REFERENCES orders (number),
    position     INTEGER NOT NULL,
    sku          TEXT NOT NULL,
    count        INTEGER NOT NULL CHECK (count > 0),
    grams        INTEGER NOT NULL CHECK (grams >= 0),
    PRIMARY KEY (order_number, position)
);
