/** The private environment, with a Python of paper: which steps are run, and what is there after each. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { InstallError, PrivateEnvironment } from "../src/environment";
import type { Python } from "../src/python";

/** `-m venv FOLDER` makes a folder with this script as its python; `-m pip ...` notes its words and makes plt-lsp. */
const SCRIPT = `#!/bin/sh
set -e
if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0; fi
echo "$@" >> "$(dirname "$0")/../../words"
case "$*" in *broken*) echo "ERROR: no such package" >&2; exit 1;; esac
touch "$(dirname "$0")/plt-lsp"
`;

function paper(): { readonly home: string; readonly python: Python; readonly environment: PrivateEnvironment } {
  const home = mkdtempSync(join(tmpdir(), "plt-"));
  const executable = join(home, "python3");
  writeFileSync(executable, SCRIPT);
  chmodSync(executable, 0o755);
  return {
    home,
    python: { executable, version: [3, 11, 2] },
    environment: new PrivateEnvironment(join(home, "env"), "linux"),
  };
}

test("it is made once, and updated after that", async () => {
  const { home, python, environment } = paper();
  assert.equal(environment.command, undefined);
  const what = { requirement: "plt-lsp", pipArguments: ["--no-index"] };
  await environment.install(python, what, {});
  assert.equal(environment.command, join(home, "env", "bin", "plt-lsp"));
  await environment.install(python, what, {});
  const [first, second] = readFileSync(join(home, "words"), "utf8").trim().split("\n");
  assert.match(first!, /-m pip install .*--no-index plt-lsp$/);
  assert.doesNotMatch(first!, /--upgrade/);
  assert.match(second!, /--upgrade --no-index plt-lsp$/);
});

test("a failure says what pip said, and leaves no environment that looks whole", async () => {
  const { python, environment } = paper();
  const broken = { requirement: "broken", pipArguments: [] };
  await assert.rejects(environment.install(python, broken, {}), (error) => {
    assert.ok(error instanceof InstallError);
    return error.message === "Installing broken failed: ERROR: no such package";
  });
  assert.equal(environment.command, undefined);
  await environment.install(python, { requirement: "plt-lsp", pipArguments: [] }, {});
  assert.ok(existsSync(environment.command!));
});
