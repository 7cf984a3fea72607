// SPDX-License-Identifier: LicenseRef-Northwind

import assert from "node:assert/strict";
import { test } from "node:test";

import { escapeHtml, slip, weight } from "./format.ts";

test("a weight has at most one digit after the point", () => {
  assert.equal(weight(950), "950 g");
  assert.equal(weight(12_340), "12.3 kg");
});

test("a number looks as it does on the slip", () => {
  assert.equal(slip("000012048"), "000 012 048");
});

test("text from a shop stays text", () => {
  // This one was a real shop, and it really had that name.
  assert.equal(escapeHtml('<b>"Nuts & Bolts"</b>'), "&lt;b&gt;&quot;Nuts &amp; Bolts&quot;&lt;/b&gt;");
});
