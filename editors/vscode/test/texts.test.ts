/** Small pure rules over texts: log lines, settings for the server, ranges behind emoji. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLine } from "../src/log";
import { rangeOf } from "../src/range";
import { configurationAnswer, initializationOptions, isPath } from "../src/serverSettings";
import { lengthToKeep } from "../src/surrogates";

test("a log line keeps its level and loses the server's date", () => {
  const line = parseLine("2026-01-02 03:04:05,678 WARNING plt_lsp.session: no pack", "info");
  assert.deepEqual(line, { level: "warn", text: "plt_lsp.session: no pack" });
});

test("a traceback has the level of the line before it", () => {
  assert.deepEqual(parseLine("Traceback (most recent call last):", "error").level, "error");
});

test("the server hears nothing of the extension's own settings", () => {
  const section = { enable: true, model: "tiny", server: { path: "/x" } };
  assert.deepEqual(configurationAnswer(section), { enable: true, model: "tiny" });
});

test("a model's path goes by the initialization options alone", () => {
  for (const model of ["/packs/tiny", "~/tiny", ".\\tiny", "a/b"]) {
    assert.ok(isPath(model));
    assert.deepEqual(configurationAnswer({ model }), {});
    assert.equal(initializationOptions({ model }).plt["model"], model);
  }
  assert.ok(!("model" in initializationOptions({ model: "tiny" }).plt));
});

test("a range begins behind the last character outside the basic plane", () => {
  assert.equal(lengthToKeep("    x = 1", "    x = 12"), 0);
  assert.equal(lengthToKeep("x = 'é中'", "x = 'é中';"), 0);
  assert.equal(lengthToKeep("🎉 = '👋🏽'; ret", "🎉 = '👋🏽'; return"), "🎉 = '👋🏽".length);
});

test("an item that changes what stands there is left alone", () => {
  assert.equal(lengthToKeep("🎉 ret", "🎊 return"), 0);
});

test("a selection becomes a range of plain numbers", () => {
  const place = (line: number, character: number) => ({ line, character, isEqual: () => false });
  const selection = { start: place(1, 2), end: place(3, 0), active: place(1, 2), isReversed: true };
  assert.deepEqual(rangeOf(selection), { start: { line: 1, character: 2 }, end: { line: 3, character: 0 } });
});
