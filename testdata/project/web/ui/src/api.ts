// SPDX-License-Identifier: LicenseRef-Northwind

// The one place where the page talks to the service. It reads the plain text
// that shops have read since 2019, so that there is only one format to keep.

export interface Parcel {
  number: string;
  state: string;
  when: string;
}

export interface Order {
  number: string;
  grams: number;
  parcels: Parcel[];
}

// Reads the answer of the service. Lines that begin with a word we do not
// know are skipped, because the service may learn new ones before we do.
export function parseOrder(text: string): Order | null {
  let order: Order | null = null;
  for (const line of text.split("\n")) {
    const head = /^order (\d{9}) (\d+) g/.exec(line);
    if (head) {
      order = { number: head[1], grams: Number(head[2]), parcels: [] };
      continue;
    }
    const parcel = /^parcel (\d{9}-\d{2}) ([^;]+); (.+)$/.exec(line);
    if (parcel && order) {
      order.parcels.push({ number: parcel[1], state: parcel[2], when: parcel[3] });
    }
  }
  return order;
}

// Asks once more after a failure, and then gives up. A customer who sees an
// error presses the button again anyway, and that is the better retry.
export async function fetchOrder(base: string, number: string): Promise<Order | null> {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const response = await fetch(`${base}/orders/${encodeURIComponent(number)}`);
    if (response.ok) {
      return parseOrder(await response.text());
    }
    // A number that isn't known stays unknown, however often we ask.
    if (response.status < 500) {
      return null;
    }
  }
  return null;
}
