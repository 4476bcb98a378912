/** Which server is run, tried with real files. */

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { ServerPathError, locateServer } from "../src/locate";

const empty = mkdtempSync(join(tmpdir(), "plt-"));
const folder = mkdtempSync(join(tmpdir(), "plt-"));
const command = join(folder, "plt-lsp");
writeFileSync(command, "", { mode: 0o755 });
writeFileSync(join(folder, "not-executable"), "", { mode: 0o644 });

const NOWHERE = { setting: "", path: empty, privateCommand: undefined, platform: "linux" } as const;

test("the setting comes first", () => {
  const found = locateServer({ ...NOWHERE, setting: command, privateCommand: "/private/plt-lsp" });
  assert.deepEqual(found, { command, source: "setting" });
});

test("a setting that cannot be run is an error that names it", () => {
  for (const setting of [join(folder, "not-executable"), join(folder, "nothing"), folder]) {
    assert.throws(() => locateServer({ ...NOWHERE, setting, path: folder }), ServerPathError);
  }
});

test("the PATH comes before the private environment", () => {
  const places = { ...NOWHERE, path: [empty, "", folder].join(delimiter), privateCommand: "/private/plt-lsp" };
  assert.deepEqual(locateServer(places), { command, source: "PATH" });
});

test("the private environment comes last", () => {
  const found = locateServer({ ...NOWHERE, privateCommand: "/private/plt-lsp" });
  assert.deepEqual(found, { command: "/private/plt-lsp", source: "private environment" });
});

test("there may be none", () => {
  assert.equal(locateServer(NOWHERE), undefined);
});
