/** What is known of the server, and how the status bar puts it; pure, so it does not know VS Code. */

import type { CompletionReport, ServerStatus } from "./protocol";

export type ServerState = "missing" | "installing" | "starting" | "running" | "stopped";

export interface Status {
  readonly server: ServerState;
  /** Where the server's process has died, until it runs again. */
  readonly hasCrashed: boolean;
  readonly engine: "idle" | "loading" | "ready" | "died";
  readonly model: string | undefined;
  readonly loops: number | undefined;
  readonly latencyMs: number | undefined;
  /** Why the last completion was empty, where the user should know. */
  readonly problem: string | undefined;
  readonly numRunning: number;
  readonly numAccepted: number;
}

export const UNKNOWN: Status = {
  server: "starting",
  hasCrashed: false,
  engine: "idle",
  model: undefined,
  loops: undefined,
  latencyMs: undefined,
  problem: undefined,
  numRunning: 0,
  numAccepted: 0,
};

/** What the editor's side adds: the settings and the snooze. */
export interface Surroundings {
  readonly isEnabled: boolean;
  readonly isSnoozed: boolean;
  /** The language of the active editor, where completions are switched off for it. */
  readonly languageOff: string | undefined;
}

export interface Shown {
  readonly text: string;
  readonly severity: "normal" | "warning" | "error";
  /** What a screen reader says, and the tooltip's first line. */
  readonly label: string;
}

/** Reasons that the user can do something about; all others are everyday. */
const PROBLEMS: Readonly<Record<string, string>> = {
  no_pack: "model missing",
  pack_error: "model unusable",
  loops_refused: "loop count refused",
  engine_error: "engine error",
};

export function withServer(status: Status, server: ServerState): Status {
  const hasCrashed = server === "running" ? false : status.hasCrashed;
  return { ...UNKNOWN, model: status.model, server, hasCrashed, latencyMs: status.latencyMs };
}

export function withCrash(status: Status): Status {
  return { ...status, hasCrashed: true };
}

export function withReport(status: Status, report: CompletionReport): Status {
  if (report.outcome === "engine_died") {
    return { ...status, engine: "died", problem: undefined };
  }
  const problem = PROBLEMS[report.outcome];
  if (report.metrics === null) {
    return { ...status, problem: problem ?? status.problem };
  }
  return {
    ...status,
    engine: "ready",
    model: report.model ?? status.model,
    loops: report.metrics.loops,
    latencyMs: report.outcome === "completed" ? report.elapsedMs : status.latencyMs,
    problem,
  };
}

/** An engine that was there and is gone has died; the server starts it again for the next completion. */
export function withAnswer(before: Status, answer: ServerStatus): Status {
  const status = { ...before, numAccepted: answer.counts["accepted"] ?? 0 };
  if (answer.engine === null) {
    const wasThere = status.engine !== "idle";
    return { ...status, model: answer.model, engine: wasThere ? "died" : "idle" };
  }
  const info = answer.engine.info;
  if (info === null) {
    return { ...status, model: answer.model, engine: "loading" };
  }
  const isSame = info.pack === status.model;
  return {
    ...status,
    engine: "ready",
    model: info.pack,
    loops: isSame && status.loops !== undefined ? status.loops : info.defaultLoops,
  };
}

export function withRunning(status: Status, change: 1 | -1): Status {
  return { ...status, numRunning: Math.max(0, status.numRunning + change) };
}

/** The first thing that keeps completions from coming, or the model and what it last took. */
export function show(status: Status, around: Surroundings): Shown {
  return showServer(status) ?? showPause(around) ?? showTrouble(status) ?? showReady(status);
}

function showServer(status: Status): Shown | undefined {
  switch (status.server) {
    case "missing":
      return shown("cloud-download", "set up", "the language server is not installed", "warning");
    case "installing":
      return shown("sync~spin", "installing", "the language server is being installed");
    case "starting":
      return status.hasCrashed
        ? shown("sync~spin", "restarting", "the language server stopped unexpectedly and is starting again", "warning")
        : shown("sync~spin", "starting", "the language server is starting");
    case "stopped":
      return shown("error", "stopped", "the language server is not running", "error");
    case "running":
      return undefined;
  }
}

function showPause(around: Surroundings): Shown | undefined {
  if (!around.isEnabled) {
    return shown("circle-slash", "off", "completions are switched off");
  }
  if (around.isSnoozed) {
    return shown("bell-slash", "snoozed", "completions are snoozed");
  }
  if (around.languageOff !== undefined) {
    return shown("circle-slash", `off for ${around.languageOff}`, `completions are off for ${around.languageOff}`);
  }
  return undefined;
}

function showTrouble(status: Status): Shown | undefined {
  if (status.engine === "died") {
    return shown("warning", "engine stopped", "the engine stopped; the next completion starts it again", "warning");
  }
  return status.problem === undefined ? undefined : shown("warning", status.problem, status.problem, "warning");
}

function showReady(status: Status): Shown {
  const parts = [status.model ?? "ready"];
  if (status.loops !== undefined) {
    parts.push(`R=${status.loops}`);
  }
  if (status.latencyMs !== undefined) {
    parts.push(formatMs(status.latencyMs));
  }
  const isBusy = status.numRunning > 0 || status.engine === "loading";
  const label = status.engine === "loading" ? "the model is being loaded" : parts.join(", ");
  return shown(isBusy ? "loading~spin" : "symbol-snippet", parts.join(" · "), label);
}

function shown(icon: string, words: string, label: string, severity: Shown["severity"] = "normal"): Shown {
  return { text: `$(${icon}) PLT: ${words}`, severity, label: `PLT: ${label}` };
}

export function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
