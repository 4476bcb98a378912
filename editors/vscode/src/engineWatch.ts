/** Asks the server now and then how its engine is, since an idle engine's death is told by no message. */

import { type Disposable, window } from "vscode";
import type { ServerStatus } from "./protocol";

const INTERVAL_MS = 2000;

/** Asks only while the window has the focus, and never twice at a time. */
export class EngineWatch implements Disposable {
  private isAsking = false;
  private readonly timer = setInterval(() => void this.ask(), INTERVAL_MS);

  constructor(
    private readonly status: () => Promise<ServerStatus | undefined>,
    private readonly take: (answer: ServerStatus) => void,
  ) {}

  dispose(): void {
    clearInterval(this.timer);
  }

  private async ask(): Promise<void> {
    if (this.isAsking || !window.state.focused) {
      return;
    }
    this.isAsking = true;
    try {
      const answer = await this.status();
      if (answer !== undefined) {
        this.take(answer);
      }
    } catch {
      // A server that ends while it is asked is told of by the client's own events.
    } finally {
      this.isAsking = false;
    }
  }
}
