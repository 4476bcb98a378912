/** Which Python is taken, and what is said where none will do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Finished } from "../src/process";
import { candidates, findPython, parseProbe } from "../src/python";

type Probe = readonly [executable: string, version: readonly number[], hasVenv: boolean];

/** A machine with these commands. */
function machine(pythons: Readonly<Record<string, Probe>>) {
  return async (command: string): Promise<Finished> => {
    const probe = pythons[command];
    return probe === undefined
      ? { code: null, stdout: [], stderr: [] }
      : { code: 0, stdout: [JSON.stringify(probe)], stderr: [] };
  };
}

test("the first Python that will do is taken", async () => {
  const pythons = {
    python3: ["/a/python3", [3, 9, 2], true],
    "python3.12": ["/b/python3.12", [3, 12, 1], true],
  } as const;
  const found = await findPython("", "linux", machine(pythons));
  assert.equal(found.executable, "/b/python3.12");
});

test("the user's choice is the only one", async () => {
  const pythons = { python3: ["/a/python3", [3, 13, 0], true] } as const;
  await assert.rejects(
    findPython("/nowhere/python", "linux", machine(pythons)),
    /plt\.server\.python is "\/nowhere\/python"/,
  );
});

test("without a Python, what is needed is said", async () => {
  await assert.rejects(findPython("", "linux", machine({})), /needs Python 3\.11 or newer, and none is on the PATH/);
});

test("a Python that is too old is named", async () => {
  const pythons = { python3: ["/a/python3", [3, 10, 4], true] } as const;
  await assert.rejects(findPython("", "linux", machine(pythons)), /\/a\/python3 is Python 3\.10\.4/);
});

test("a Python without venv has its own remedy", async () => {
  const pythons = { python3: ["/usr/bin/python3", [3, 11, 2], false] } as const;
  await assert.rejects(findPython("", "linux", machine(pythons)), /python3-venv/);
});

test("Windows has its launcher", () => {
  assert.deepEqual(candidates("", "win32")[0], ["py", "-3"]);
});

test("anything but a probe's line is no Python", () => {
  assert.equal(parseProbe("Python was not found; run without arguments to install"), undefined);
});
