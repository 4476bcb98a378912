/** Real child processes: their lines, their ends, and their aborts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../src/process";

const node = process.execPath;

test("lines come as they are written, and the code at the end", async () => {
  const heard: string[] = [];
  const script = 'console.log("one\\ntwo"); console.error("three"); process.exitCode = 4;';
  const finished = await run(node, ["-e", script], { onLine: (line) => heard.push(line) });
  assert.deepEqual(finished, { code: 4, stdout: ["one", "two"], stderr: ["three"] });
  assert.deepEqual(heard.sort(), ["one", "three", "two"]);
});

test("a program that is not there has no code", async () => {
  assert.equal((await run("/nowhere/at/all", [])).code, null);
});

test("an abort ends the program and its children, and rejects with the reason", async () => {
  const controller = new AbortController();
  const script = `const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    console.log(child.pid); setInterval(() => {}, 1000);`;
  let grandchild = 0;
  const running = run(node, ["-e", script], {
    signal: controller.signal,
    onLine: (line) => {
      grandchild = Number(line);
      controller.abort(new Error("enough"));
    },
  });
  await assert.rejects(running, /enough/);
  while (isAlive(grandchild)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test("what is aborted before it starts does not start", async () => {
  await assert.rejects(run(node, ["-e", ""], { signal: AbortSignal.abort(new Error("early")) }), /early/);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
