/**
 * Shows more of a completion whose first lines were shown early, by asking again for what the server goes on writing.
 * It does not know the editor: whether the cursor still stands there, and how to ask, it is told.
 */

import type { CompletionReport, InlineCompletionProgress, RequestId } from "./protocol";

export interface Place {
  readonly uri: string;
  readonly line: number;
  readonly character: number;
}

export interface Asker {
  /** Whether the cursor stands where the text was asked for. */
  isAt(place: Place): boolean;
  ask(): void;
  /** Called when it begins and ends that more is awaited. */
  growing(isGrowing: boolean): void;
}

export class Growth {
  private latest: InlineCompletionProgress | undefined;
  /** The request whose answer was partial, and the lines that were complete then. */
  private awaited: { readonly requestId: RequestId; readonly numLines: number } | undefined;

  constructor(private readonly asker: Asker) {}

  reported({ requestId, partial }: CompletionReport): void {
    const latest = this.latest?.requestId === requestId ? this.latest : undefined;
    this.await(partial ? { requestId, numLines: numLines(latest) } : undefined);
  }

  progressed(progress: InlineCompletionProgress): void {
    this.latest = progress;
    if (this.awaited?.requestId !== progress.requestId) {
      return;
    }
    if (progress.cancelled || !this.asker.isAt({ uri: progress.uri, ...progress.position })) {
      this.stop();
    } else if (progress.done || numLines(progress) > this.awaited.numLines) {
      this.stop();
      this.asker.ask();
    }
  }

  /** The user wants no more of it. */
  stop(): void {
    this.await(undefined);
  }

  private await(awaited: typeof this.awaited): void {
    this.awaited = awaited;
    this.asker.growing(awaited !== undefined);
  }
}

/** The lines that are complete in what was told. */
function numLines(progress: InlineCompletionProgress | undefined): number {
  return (progress?.text.split("\n").length ?? 1) - 1;
}
