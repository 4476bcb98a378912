/** What the status bar says in each state, most urgent first. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompletionReport, Condition, EngineStatus, ServerStatus } from "../src/protocol";
import {
  type Status,
  type Surroundings,
  UNKNOWN,
  formatMs,
  isSnoozed,
  show,
  withAnswer,
  withCrash,
  withReport,
  withServer,
} from "../src/status";

const AROUND: Surroundings = { isEnabled: true, languageOff: undefined };
const RUNNING = withServer(UNKNOWN, "running");

function report(outcome: string, elapsedMs = 120): CompletionReport {
  const metrics = outcome === "completed" ? { loops: 2, tokensPerSecond: 50 } : null;
  return { requestId: 1, uri: "file:///a.py", outcome, elapsedMs, partial: false, model: "tiny", metrics };
}

const NORMAL: Condition = { kind: "Normal", message: "The model tiny is ready." };
const BUSY: Condition = { kind: "Busy", message: "Generating a completion.", reason: "generating" };
const LOADING: Condition = { kind: "Busy", message: "Loading the model tiny.", reason: "loading" };
const DIED: Condition = { kind: "Warning", message: "The engine process ended.", reason: "engine_died" };
const SNOOZED: Condition = { kind: "Inactive", message: "Snoozed until 14:05.", reason: "snoozed" };
const MISSING: Condition = { kind: "Error", message: "There is no model pack tiny.", reason: "no_pack" };

function answer(condition: Condition, engine: EngineStatus | null = null): ServerStatus {
  const settings = { loops: "auto", budgetsMs: { typing: 300 }, decision: null };
  return { ...condition, ...settings, version: "0.1.0", model: "tiny", counts: { accepted: 3 }, engine };
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

test("a completion without a text changes nothing", () => {
  const before = withReport(RUNNING, report("completed"));
  assert.deepEqual(withReport(before, report("mid_word")), before);
});

test("the loops are those of the last decision, and the settings are told beside them", () => {
  const decision = { loops: 2, text: "the best loop count fits: R=2 (auto)" };
  const status = withAnswer(RUNNING, { ...answer(NORMAL, engine(true)), decision });
  assert.equal(words(status), "PLT: tiny · R=2");
  assert.deepEqual([status.chosenLoops, status.budgetMs, status.decision], ["auto", 300, decision.text]);
  const next = withAnswer(status, { ...answer(NORMAL, engine(true)), decision: { ...decision, loops: 1 } });
  assert.equal(words(next), "PLT: tiny · R=1");
});

test("what is wrong is told in a few words, and in the server's own to those who look or listen", () => {
  const missing = withAnswer(RUNNING, answer(MISSING));
  assert.deepEqual(show(missing, AROUND), {
    text: "$(warning) PLT: model missing",
    label: "PLT: There is no model pack tiny.",
    severity: "error",
  });
  assert.equal(words(withAnswer(missing, answer(NORMAL))), "PLT: tiny");
  const died = withAnswer(RUNNING, answer(DIED));
  assert.deepEqual([words(died), show(died, AROUND).severity], ["PLT: engine stopped", "warning"]);
  assert.equal(words(withAnswer(died, answer(NORMAL, engine(true)))), "PLT: tiny · R=1");
  assert.equal(words(withAnswer(RUNNING, answer({ ...DIED, reason: "news" }))), "PLT: trouble");
});

test("the loops of the last completion outlive what the engine says of itself, for the same model", () => {
  const reported = withReport(RUNNING, report("completed"));
  assert.equal(words(withAnswer(reported, answer(NORMAL, engine(true)))), "PLT: tiny · R=2 · 120 ms");
  const other = { ...answer(NORMAL), model: "other" };
  assert.equal(words(withAnswer(reported, other)), "PLT: other · 120 ms");
});

test("accepted completions are the server's count", () => {
  assert.equal(withAnswer(RUNNING, answer(NORMAL)).numAccepted, 3);
});

test("loading and generating spin, and loading is said", () => {
  assert.match(show(withAnswer(RUNNING, answer(BUSY, engine(true))), AROUND).text, /~spin/);
  const loading = show(withAnswer(RUNNING, answer(LOADING, engine(false))), AROUND);
  assert.match(loading.text, /~spin/);
  assert.equal(loading.label, "PLT: Loading the model tiny.");
  assert.doesNotMatch(show(withAnswer(RUNNING, answer(NORMAL, engine(true))), AROUND).text, /~spin/);
});

test("what the server says as it starts is kept when it runs", () => {
  const said = withAnswer(withServer(RUNNING, "starting"), answer(MISSING));
  assert.equal(words(withServer(said, "running")), "PLT: model missing");
  assert.equal(words(withServer(withServer(said, "starting"), "running")), "PLT: tiny");
});

test("a crash is told while the server starts again, and forgotten when it runs", () => {
  const crashed = withServer(withCrash(RUNNING), "starting");
  assert.equal(words(crashed), "PLT: restarting");
  assert.equal(words(withServer(withServer(crashed, "running"), "starting")), "PLT: starting");
});

test("the server's state comes before pauses, and pauses before troubles", () => {
  const died = withAnswer(RUNNING, answer(DIED));
  const snoozed = withAnswer(RUNNING, answer(SNOOZED));
  assert.equal(words(withServer(snoozed, "stopped")), "PLT: stopped");
  assert.equal(words(snoozed, { languageOff: "python" }), "PLT: snoozed");
  assert.equal(words(died, { languageOff: "python" }), "PLT: off for python");
  assert.equal(words(snoozed, { isEnabled: false }), "PLT: off");
});

test("a snooze is the server's, and it says until when", () => {
  const snoozed = withAnswer(RUNNING, answer(SNOOZED, engine(true)));
  assert.deepEqual([words(snoozed), show(snoozed, AROUND).label], ["PLT: snoozed", "PLT: Snoozed until 14:05."]);
  assert.ok(isSnoozed(snoozed));
  const afterwards = [withAnswer(snoozed, answer(NORMAL, engine(true))), withServer(snoozed, "starting")];
  assert.deepEqual(afterwards.map(isSnoozed), [false, false]);
});

test("a file that gets nothing is told of, and why", () => {
  const message = "Nothing is offered in this file, which is among plt.excludedFiles.";
  const refused = withAnswer(RUNNING, answer({ kind: "Inactive", message, reason: "excluded" }));
  assert.deepEqual([words(refused), show(refused, AROUND).label], ["PLT: off for this file", `PLT: ${message}`]);
});

test("the engine's process is told as long as there is one", () => {
  const running = withAnswer(RUNNING, answer(NORMAL, engine(true)));
  assert.equal(running.pid, 7);
  assert.equal(withAnswer(running, answer(DIED)).pid, undefined);
});

test("times are read as people read them", () => {
  assert.deepEqual([0.4, 999, 1000, 5123].map(formatMs), ["0 ms", "999 ms", "1.0 s", "5.1 s"]);
});
