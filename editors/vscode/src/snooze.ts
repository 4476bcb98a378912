/** Asks how long a snooze is to be; what is kept away while it lasts, and when it ends, is the server's business. */

import { window } from "vscode";
import type { Client } from "./client";
import { SNOOZE_FOR } from "./protocol";

const CHOICES = [5, 15, 60] as const;

/** Ends the snooze, or asks how long one is to be. */
export async function toggleSnooze(client: Client, isSnoozed: boolean): Promise<void> {
  if (isSnoozed) {
    await client.execute(SNOOZE_FOR, 0);
    return;
  }
  const items = CHOICES.map((minutes) => ({ label: `${minutes} minutes`, minutes }));
  const chosen = await window.showQuickPick(items, { title: "PLT: snooze completions for" });
  if (chosen !== undefined) {
    await client.execute(SNOOZE_FOR, chosen.minutes);
  }
}
