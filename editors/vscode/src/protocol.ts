/** The messages of the server's own, beside the language server protocol's; they say nothing of how they are shown. */

/** `plt/completionReport`, sent after each inline completion to a client that announces `completionReport`. */
export interface CompletionReport {
  readonly requestId: string | number | null;
  readonly uri: string;
  /** `completed`, or the name of the reason why there was no text. */
  readonly outcome: string;
  readonly elapsedMs: number;
  readonly model: string | null;
  readonly metrics: { readonly loops: number; readonly tokensPerSecond: number } | null;
}

/** The answer to the request `plt/status`. */
export interface ServerStatus {
  readonly version: string;
  readonly model: string;
  /** What the server has counted since its start, by name. */
  readonly counts: Readonly<Record<string, number>>;
  readonly engine: EngineStatus | null;
}

/** The engine process; `info` is null until a model has been loaded. */
export interface EngineStatus {
  readonly pid: number;
  readonly numStarts: number;
  readonly info: { readonly pack: string; readonly defaultLoops: number; readonly device: string } | null;
}

export const COMPLETION_REPORT = "plt/completionReport";
export const STATUS = "plt/status";

/** What this client takes beyond the protocol; the server sends it to no one else. */
export const CAPABILITIES = { completionReport: true } as const;
