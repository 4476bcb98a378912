/** A pause of the completions that come by themselves, for a while; one that is asked for still comes. */

import { type Disposable, EventEmitter, window } from "vscode";

const CHOICES = [5, 15, 60] as const;

export class Snooze implements Disposable {
  private timer: NodeJS.Timeout | undefined;
  private readonly changed = new EventEmitter<void>();
  readonly onDidChange = this.changed.event;

  get isActive(): boolean {
    return this.timer !== undefined;
  }

  start(minutes: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.end(), minutes * 60_000);
    this.changed.fire();
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.changed.fire();
  }

  /** Ends the pause, or asks how long one is to be. */
  async toggle(): Promise<void> {
    if (this.isActive) {
      this.end();
      return;
    }
    const items = CHOICES.map((minutes) => ({ label: `${minutes} minutes`, minutes }));
    const chosen = await window.showQuickPick(items, { title: "PLT: snooze completions for" });
    if (chosen !== undefined) {
      this.start(chosen.minutes);
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.changed.dispose();
  }
}
