/**
 * Shows the rest of a completion whose first lines were shown early, once the server has written it.
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
}

export class Growth {
  /** The request whose answer was partial. */
  private awaited: RequestId | undefined;

  constructor(private readonly asker: Asker) {}

  reported({ requestId, partial }: CompletionReport): void {
    this.awaited = partial ? requestId : undefined;
  }

  progressed({ requestId, uri, position, done, cancelled }: InlineCompletionProgress): void {
    if (!done || requestId !== this.awaited) {
      return;
    }
    this.stop();
    if (!cancelled && this.asker.isAt({ uri, ...position })) {
      this.asker.ask();
    }
  }

  /** The user wants no more of it. */
  stop(): void {
    this.awaited = undefined;
  }
}
