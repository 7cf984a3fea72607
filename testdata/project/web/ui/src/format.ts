// SPDX-License-Identifier: LicenseRef-Northwind

// Small functions that turn numbers into words for people.

// Shows a weight in grams below one kilogram, and in kilograms with one digit
// above it. More digits would look exact, and our scales are not.
export function weight(grams: number): string {
  if (grams < 1000) {
    return `${grams} g`;
  }
  return `${(grams / 1000).toFixed(1)} kg`;
}

// Groups an order number by three, just as the paper slip does.
export function slip(number: string): string {
  return number.replace(/(\d{3})(?=\d)/g, "$1 ");
}

// The page shows text that came from shops. It must never become markup.
export function escapeHtml(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
