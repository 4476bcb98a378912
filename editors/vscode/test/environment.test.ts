/** The private environment, with a Python of paper: which steps are run, and what is there after each. */

import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { InstallError, type Package, PrivateEnvironment } from "../src/environment";
import type { RunOptions } from "../src/process";
import type { Python } from "../src/python";

/**
 * `-m venv FOLDER` makes a folder with this script as its python; `-m pip install ...` notes its words and makes plt-lsp,
 * unless what it is to install is `broken`, or `torn` (which `-m pip check` sees afterwards), or `slow`.
 */
const SCRIPT = `#!/bin/sh
set -e
if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit 0; fi
if [ "$3" = check ]; then test ! -e "$(dirname "$0")/../torn"; exit; fi
echo "$@" >> "$(dirname "$0")/../../words"
case "$*" in *broken*) echo "ERROR: no such package" >&2; exit 1;; esac
case "$*" in *torn*) touch "$(dirname "$0")/../torn"; exit 1;; esac
case "$*" in *slow*) echo waiting; sleep 3600;; esac
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

test("a failure says what pip said, and leaves nothing", async () => {
  const { python, environment } = paper();
  await assert.rejects(environment.install(python, named("broken"), {}), (error) => {
    assert.ok(error instanceof InstallError);
    return error.message === "Installing broken failed: ERROR: no such package";
  });
  assert.equal(environment.command, undefined);
  assert.ok(!existsSync(environment.folder));
  await environment.install(python, named("plt-lsp"), {});
  assert.ok(existsSync(environment.command!));
});

test("what is cancelled leaves nothing", async () => {
  const { python, environment } = paper();
  await assert.rejects(environment.install(python, named("slow"), cancelledAt("waiting")), /enough/);
  assert.ok(!existsSync(environment.folder));
});

test("a cancelled or failed update leaves the server that was there", async () => {
  const { python, environment } = paper();
  await environment.install(python, named("plt-lsp"), {});
  await assert.rejects(environment.install(python, named("slow"), cancelledAt("waiting")), /enough/);
  assert.ok(existsSync(environment.command!));
  await assert.rejects(environment.install(python, named("broken"), {}), InstallError);
  assert.ok(existsSync(environment.command!));
});

test("an update that has torn the environment removes it", async () => {
  const { python, environment } = paper();
  await environment.install(python, named("plt-lsp"), {});
  await assert.rejects(environment.install(python, named("torn"), {}), InstallError);
  assert.ok(!existsSync(environment.folder));
});

test("while an update runs, the environment does not look whole", async () => {
  const { python, environment } = paper();
  await environment.install(python, named("plt-lsp"), {});
  const seen: (string | undefined)[] = [];
  const options = cancelledAt("waiting", () => seen.push(environment.command));
  await assert.rejects(environment.install(python, named("slow"), options), /enough/);
  assert.deepEqual(seen, [undefined]);
});

function named(requirement: string): Package {
  return { requirement, pipArguments: [] };
}

/** Cancels the run at a line of its output. */
function cancelledAt(line: string, look: () => void = () => undefined): RunOptions {
  const controller = new AbortController();
  const onLine = (said: string) => {
    if (said === line) {
      look();
      controller.abort(new Error("enough"));
    }
  };
  return { signal: controller.signal, onLine };
}
