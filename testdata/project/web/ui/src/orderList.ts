// SPDX-License-Identifier: LicenseRef-Northwind

import type { Order } from "./api.ts";
import { escapeHtml, slip, weight } from "./format.ts";

// Renders one order as a list. The page has no framework: it shows a handful
// of lines, and it has to work on the old telephone of somebody's uncle.
export function renderOrder(order: Order): string {
  const rows = order.parcels.map((parcel) => {
    // Delivered parcels go grey, but they stay in the list. Customers look
    // for them, and they call us when they cannot find them.
    const tone = parcel.state === "delivered" ? "done" : "open";
    return `<li class="${tone}">${escapeHtml(parcel.state)}: ${escapeHtml(parcel.when)}</li>`;
  });
  return [
    `<h2>Order ${slip(order.number)}</h2>`,
    `<p>${weight(order.grams)} in ${order.parcels.length} parcels</p>`,
    `<ul>${rows.join("")}</ul>`,
  ].join("\n");
}
