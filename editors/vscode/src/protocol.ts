/** The messages of the server's own, beside the language server protocol's; they say nothing of how they are shown. */

export type RequestId = string | number | null;

/** `plt/completionReport`, sent after each inline completion to a client that announces `completionReport`. */
export interface CompletionReport {
  readonly requestId: RequestId;
  readonly uri: string;
  /** `completed`, or the name of the reason why there was no text. */
  readonly outcome: string;
  readonly elapsedMs: number;
  /** Whether the text goes on growing, so that the next request may be answered with more of it. */
  readonly partial: boolean;
  readonly model: string | null;
  readonly metrics: { readonly loops: number; readonly tokensPerSecond: number } | null;
}

/** `plt/inlineCompletionProgress`, sent to a client that announces `inlineCompletionProgress`, also after the answer. */
export interface InlineCompletionProgress {
  readonly requestId: RequestId;
  readonly uri: string;
  readonly position: { readonly line: number; readonly character: number };
  /** All of the text so far. */
  readonly text: string;
  /** Whether this is the last one; it has no text where it was cancelled. */
  readonly done: boolean;
  readonly cancelled: boolean;
}

/** What the server can do at the moment. */
export interface Condition {
  readonly kind: "Normal" | "Busy" | "Warning" | "Error" | "Inactive";
  /** One sentence for people. */
  readonly message: string;
  /** A name for programs, where there is something to tell. */
  readonly reason?: string;
  /** What helps, where the server can do something; run through workspace/executeCommand. */
  readonly command?: { readonly title: string; readonly command: string; readonly arguments?: readonly unknown[] };
}

/** `plt/didChangeStatus`, sent to a client that announces `statusNotifications`, and the answer to `plt/status`. */
export interface ServerStatus extends Condition {
  readonly version: string;
  readonly model: string;
  /** What the server has counted since its start, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly engine: EngineStatus | null;
  /** As the settings say: `auto`, or a count. */
  readonly loops: number | string;
  readonly budgetsMs: Readonly<Record<string, number>>;
  /** Of the last text that was asked for. */
  readonly decision: Decision | null;
}

/** What was chosen for a request. */
export interface Decision {
  readonly loops: number;
  /** All of it in one line for people. */
  readonly text: string;
}

/** What there is to choose from. */
export interface LoopChoices {
  readonly loops: number | string;
  readonly choices: readonly { readonly loops: number; readonly title: string; readonly detail: string }[];
}

/** `plt/didDismissCompletion`, sent to the server: what is shown in a document is not to be offered there again. */
export interface DidDismissCompletion {
  readonly textDocument: { readonly uri: string };
}

/** What the commands answer that tell the user something; there is more in it, for programs. */
export interface Report {
  readonly text: string;
}

/** The engine process; `info` is null until a model has been loaded. */
export interface EngineStatus {
  readonly pid: number | null;
  readonly numStarts: number;
  readonly info: { readonly pack: string; readonly defaultLoops: number; readonly device: string } | null;
}

export const COMPLETION_REPORT = "plt/completionReport";
export const INLINE_COMPLETION_PROGRESS = "plt/inlineCompletionProgress";
export const DID_CHANGE_STATUS = "plt/didChangeStatus";
export const DID_DISMISS_COMPLETION = "plt/didDismissCompletion";
export const STATUS = "plt/status";
export const REFACTORING_PROGRESS = "plt/refactoringProgress";

/** Commands of the server, run through workspace/executeCommand. The language client registers them in the editor. */
export const LOAD_MODEL = "plt.loadModel";
/** The argument: minutes, or 0 to end the snooze. */
export const SNOOZE_FOR = "plt.snoozeFor";
/** The arguments: a document's uri and a position. */
export const SHOW_CONTEXT = "plt.showContext";
export const SHOW_STATISTICS = "plt.showStatistics";
/** Without an argument it answers with the choices. */
export const SWITCH_LOOP_COUNT = "plt.switchLoopCount";

/** The arguments: a document's uri, a range, and perhaps a kind of explanation. */
export const EXPLAIN_SELECTION = "plt.explainSelection";
export const CANCEL_EXPLANATION = "plt.cancelExplanation";

/** The arguments: a document's uri, a range, and what to do, in words or by a refactoring's name. */
export const REFACTOR_SELECTION = "plt.refactorSelection";
export const CANCEL_REFACTORING = "plt.cancelRefactoring";
/** A command of this extension that the server names in code actions; the arguments: a document's uri and a position. */
export const RENAME_AT = "plt.renameAt";

/** What the server answers to EXPLAIN_SELECTION; the virtual document holds the explanation and grows. */
export interface Explanation {
  readonly document: string | null;
  readonly text: string;
}

/** What this client takes beyond the protocol; the server sends it to no one else. */
export const CAPABILITIES = {
  completionReport: true,
  inlineCompletionProgress: true,
  refactoringProgress: true,
  renameAt: true,
  statusNotifications: true,
} as const;
