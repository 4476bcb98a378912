/** The status bar's menu: a list of commands, with words for the present state; it does nothing itself. */

import { type QuickPickItem, commands, window } from "vscode";
import { isEnabled } from "./config";
import { activeLanguage, activeLanguageOff } from "./languages";
import { type Status, isSnoozed } from "./status";

interface Entry extends QuickPickItem {
  readonly command: string;
  readonly arguments: readonly unknown[];
}

export async function showMenu(status: Status): Promise<void> {
  const chosen = await window.showQuickPick(entries(status), { title: "PLT" });
  if (chosen !== undefined) {
    await commands.executeCommand(chosen.command, ...chosen.arguments);
  }
}

function entries(status: Status): Entry[] {
  if (status.server === "missing") {
    return [entry("cloud-download", "Set up the server…", "plt.installServer"), ...always()];
  }
  const helps = status.condition.command;
  return [
    ...(helps === undefined ? [] : [entry("refresh", helps.title, helps.command, helps.arguments)]),
    entry("debug-restart", "Restart the server", "plt.restartServer"),
    ...languageEntry(),
    // What ends a snooze is the first entry then: the server offers it.
    ...(isSnoozed(status) ? [] : [entry("bell-slash", "Snooze…", "plt.snooze")]),
    entry("circle-slash", isEnabled() ? "Switch completions off" : "Switch completions on", "plt.toggle"),
    entry("sync", "Switch the loop count…", "plt.chooseLoops"),
    entry("watch", "Switch the latency budget…", "plt.chooseBudget"),
    entry("list-tree", "Show what the model sees at the cursor", "plt.openContext"),
    entry("graph", "Show the statistics", "plt.openStatistics"),
    entry("pulse", "Run the doctor", "plt.runDoctor"),
    ...always(),
  ];
}

function languageEntry(): Entry[] {
  const language = activeLanguage();
  if (language === undefined) {
    return [];
  }
  const words = activeLanguageOff() === undefined ? `Switch off for ${language}` : `Switch on for ${language}`;
  return [entry("symbol-namespace", words, "plt.toggleLanguage")];
}

function always(): Entry[] {
  return [
    entry("output", "Show the log", "plt.showLog"),
    entry("settings-gear", "Open the settings", "plt.openSettings"),
    entry("book", "Open the walkthrough", "plt.openWalkthrough"),
  ];
}

function entry(icon: string, words: string, command: string, args: readonly unknown[] = []): Entry {
  return { label: `$(${icon}) ${words}`, command, arguments: args };
}
