/** What the status bar says in each state, most urgent first. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompletionReport, EngineStatus, ServerStatus } from "../src/protocol";
import {
  type Status,
  type Surroundings,
  UNKNOWN,
  formatMs,
  show,
  withAnswer,
  withCrash,
  withReport,
  withRunning,
  withServer,
} from "../src/status";

const AROUND: Surroundings = { isEnabled: true, isSnoozed: false, languageOff: undefined };
const RUNNING = withServer(UNKNOWN, "running");

function report(outcome: string, elapsedMs = 120): CompletionReport {
  const metrics = outcome === "completed" ? { loops: 2, tokensPerSecond: 50 } : null;
  return { requestId: 1, uri: "file:///a.py", outcome, elapsedMs, model: "tiny", metrics };
}

function answer(engine: EngineStatus | null): ServerStatus {
  return { version: "0.1.0", model: "tiny", counts: { accepted: 3 }, engine };
}

function engine(isLoaded: boolean): EngineStatus {
  return { pid: 7, numStarts: 1, info: isLoaded ? { pack: "tiny", defaultLoops: 1, device: "cpu" } : null };
}

function words(status: Status, around: Partial<Surroundings> = {}): string {
  return show(status, { ...AROUND, ...around }).text.replace(/^\$\([^)]*\) /, "");
}

test("a completion's report gives model, loops and time", () => {
  assert.equal(words(withReport(RUNNING, report("completed"))), "PLT: tiny · R=2 · 120 ms");
});

test("an everyday reason changes nothing", () => {
  const before = withReport(RUNNING, report("completed"));
  assert.deepEqual(withReport(before, report("mid_word")), before);
});

test("a missing model is told until a completion comes", () => {
  const missing = withReport(RUNNING, report("no_pack"));
  assert.equal(words(missing), "PLT: model missing");
  assert.equal(words(withReport(missing, report("mid_word"))), "PLT: model missing");
  assert.equal(words(withReport(missing, report("completed"))), "PLT: tiny · R=2 · 120 ms");
});

test("an engine that is gone has died, and one that never was has not", () => {
  assert.equal(words(withAnswer(RUNNING, answer(null))), "PLT: tiny");
  const loaded = withAnswer(RUNNING, answer(engine(true)));
  assert.equal(words(loaded), "PLT: tiny · R=1");
  const died = withAnswer(loaded, answer(null));
  assert.equal(words(died), "PLT: engine stopped");
  assert.equal(words(withAnswer(died, answer(null))), "PLT: engine stopped");
  assert.equal(words(withAnswer(died, answer(engine(true)))), "PLT: tiny · R=1");
  assert.equal(words(withReport(loaded, report("engine_died"))), "PLT: engine stopped");
});

test("the loops of the last completion outlive the next look at the engine", () => {
  const reported = withReport(RUNNING, report("completed"));
  assert.equal(words(withAnswer(reported, answer(engine(true)))), "PLT: tiny · R=2 · 120 ms");
});

test("accepted completions are the server's count", () => {
  assert.equal(withAnswer(RUNNING, answer(null)).numAccepted, 3);
});

test("loading and running spin", () => {
  assert.match(show(withAnswer(RUNNING, answer(engine(false))), AROUND).text, /~spin/);
  const busy = withRunning(RUNNING, 1);
  assert.match(show(busy, AROUND).text, /~spin/);
  assert.doesNotMatch(show(withRunning(busy, -1), AROUND).text, /~spin/);
});

test("a crash is told while the server starts again, and forgotten when it runs", () => {
  const crashed = withServer(withCrash(RUNNING), "starting");
  assert.equal(words(crashed), "PLT: restarting");
  assert.equal(words(withServer(withServer(crashed, "running"), "starting")), "PLT: starting");
});

test("the server's state comes before pauses, and pauses before troubles", () => {
  const died = withReport(RUNNING, report("engine_died"));
  assert.equal(words(withServer(died, "stopped"), { isSnoozed: true }), "PLT: stopped");
  assert.equal(words(died, { isSnoozed: true }), "PLT: snoozed");
  assert.equal(words(died, { languageOff: "python" }), "PLT: off for python");
  assert.equal(words(died, { isEnabled: false, isSnoozed: true }), "PLT: off");
});

test("times are read as people read them", () => {
  assert.deepEqual([0.4, 999, 1000, 5123].map(formatMs), ["0 ms", "999 ms", "1.0 s", "5.1 s"]);
});
