/** What is known of the server, and how the status bar puts it; pure, so it does not know VS Code. */

import type { CompletionReport, Condition, ServerStatus } from "./protocol";

export type ServerState = "missing" | "installing" | "starting" | "running" | "stopped";

export interface Status {
  readonly server: ServerState;
  /** Where the server's process has died, until it runs again. */
  readonly hasCrashed: boolean;
  /** What the server last said of itself. */
  readonly condition: Condition;
  readonly model: string | undefined;
  /** Of the last completion. */
  readonly loops: number | undefined;
  /** As the settings say: `auto`, or a count. */
  readonly chosenLoops: number | string | undefined;
  /** While typing. */
  readonly budgetMs: number | undefined;
  /** What was chosen for the last completion, in a line. */
  readonly decision: string | undefined;
  /** The engine's process, which windows may share. */
  readonly pid: number | undefined;
  readonly latencyMs: number | undefined;
  readonly numAccepted: number;
}

export const UNKNOWN: Status = {
  server: "starting",
  hasCrashed: false,
  condition: { kind: "Normal", message: "" },
  model: undefined,
  loops: undefined,
  chosenLoops: undefined,
  budgetMs: undefined,
  decision: undefined,
  pid: undefined,
  latencyMs: undefined,
  numAccepted: 0,
};

/** What the editor's side adds: the settings. */
export interface Surroundings {
  readonly isEnabled: boolean;
  /** The language of the active editor, where completions are switched off for it. */
  readonly languageOff: string | undefined;
}

export interface Shown {
  readonly text: string;
  readonly severity: "normal" | "warning" | "error";
  /** What a screen reader says, and the tooltip's first line. */
  readonly label: string;
}

/** Short words for the server's reasons; its sentence is in the tooltip. */
const TROUBLES: Readonly<Record<string, string>> = {
  no_pack: "model missing",
  pack_error: "model unusable",
  loops_refused: "loop count refused",
  engine_died: "engine stopped",
  engine_error: "engine error",
};

export function withServer(status: Status, server: ServerState): Status {
  if (server === "running") {
    return { ...status, server, hasCrashed: false };
  }
  return { ...UNKNOWN, model: status.model, server, hasCrashed: status.hasCrashed, latencyMs: status.latencyMs };
}

export function withCrash(status: Status): Status {
  return { ...status, hasCrashed: true };
}

/** What a completion took; one without text tells nothing new. */
export function withReport(status: Status, { outcome, model, metrics, elapsedMs }: CompletionReport): Status {
  if (metrics === null) {
    return status;
  }
  const latencyMs = outcome === "completed" ? elapsedMs : status.latencyMs;
  return { ...status, model: model ?? status.model, loops: metrics.loops, latencyMs };
}

/** The loops of the last completion are kept as long as the model is the same. */
export function withAnswer(before: Status, answer: ServerStatus): Status {
  const info = answer.engine?.info ?? null;
  const model = info?.pack ?? answer.model;
  const loops = model === before.model ? before.loops : undefined;
  return {
    ...before,
    condition: answer,
    model,
    loops: answer.decision?.loops ?? loops ?? info?.defaultLoops,
    chosenLoops: answer.loops,
    budgetMs: answer.budgetsMs["typing"],
    decision: answer.decision?.text,
    pid: answer.engine?.pid ?? undefined,
    numAccepted: answer.counts["accepted"] ?? 0,
  };
}

/** Whether completions that nobody asks for are kept away for a while. */
export function isSnoozed({ condition }: Status): boolean {
  return condition.reason === "snoozed";
}

/** The first thing that keeps completions from coming, or the model and what it last took. */
export function show(status: Status, around: Surroundings): Shown {
  return (
    showServer(status) ?? showPause(status, around) ?? showTrouble(status) ?? showRefusal(status) ?? showReady(status)
  );
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

function showPause(status: Status, around: Surroundings): Shown | undefined {
  if (!around.isEnabled) {
    return shown("circle-slash", "off", "completions are switched off");
  }
  if (isSnoozed(status)) {
    return shown("bell-slash", "snoozed", status.condition.message);
  }
  if (around.languageOff !== undefined) {
    return shown("circle-slash", `off for ${around.languageOff}`, `completions are off for ${around.languageOff}`);
  }
  return undefined;
}

function showTrouble({ condition: { kind, reason, message } }: Status): Shown | undefined {
  if (kind !== "Warning" && kind !== "Error") {
    return undefined;
  }
  return shown("warning", TROUBLES[reason ?? ""] ?? "trouble", message, kind === "Error" ? "error" : "warning");
}

function showRefusal({ condition: { kind, reason, message } }: Status): Shown | undefined {
  if (kind !== "Inactive") {
    return undefined;
  }
  return shown("circle-slash", reason === "disabled" ? "off" : "off for this file", message);
}

function showReady(status: Status): Shown {
  const parts = [status.model ?? "ready"];
  if (status.loops !== undefined) {
    parts.push(`R=${status.loops}`);
  }
  if (status.latencyMs !== undefined) {
    parts.push(formatMs(status.latencyMs));
  }
  const { kind, reason, message } = status.condition;
  const label = reason === "loading" ? message : parts.join(", ");
  return shown(kind === "Busy" ? "loading~spin" : "symbol-snippet", parts.join(" · "), label);
}

function shown(icon: string, words: string, label: string, severity: Shown["severity"] = "normal"): Shown {
  return { text: `$(${icon}) PLT: ${words}`, severity, label: `PLT: ${label}` };
}

export function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
