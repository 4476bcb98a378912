/** Asks for a loop count or a latency budget and writes the setting; what a choice is worth the server says. */

import { type QuickPickItem, window } from "vscode";
import type { Client } from "./client";
import { write } from "./config";
import { type LoopChoices, SWITCH_LOOP_COUNT } from "./protocol";
import { formatMs } from "./status";

const BUDGETS_MS = [50, 100, 200, 300, 400, 800] as const;

interface Choice<T> extends QuickPickItem {
  readonly value: T;
}

/** Takes effect with the next completion. */
export async function chooseLoops(client: Client): Promise<void> {
  const found = await client.execute<LoopChoices>(SWITCH_LOOP_COUNT);
  if (found === undefined) {
    return;
  }
  const auto = { label: "Auto", description: "the best count that fits into the latency budget", value: "auto" };
  const counts = found.choices.map(({ title, detail, loops }) => ({ label: title, description: detail, value: loops }));
  const choices: Choice<number | string>[] = [auto, ...counts];
  await choose("loops", `PLT: loop count (now ${found.loops})`, choices);
}

/** How soon the first words are to be there while typing. */
export async function chooseBudget(current: number | undefined): Promise<void> {
  const now = current === undefined ? "" : ` (now ${formatMs(current)})`;
  const choices = BUDGETS_MS.map((ms) => ({ label: formatMs(ms), value: ms }));
  await choose("inlineCompletion.latencyBudgetMs", `PLT: latency budget while typing${now}`, choices);
}

async function choose<T>(setting: string, title: string, choices: readonly Choice<T>[]): Promise<void> {
  const chosen = await window.showQuickPick(choices, { title });
  if (chosen !== undefined) {
    await write(setting, chosen.value);
  }
}
