/** The status bar's menu: a list of commands, with words for the present state; it does nothing itself. */

import { type QuickPickItem, commands, window } from "vscode";
import { isEnabled } from "./config";
import { activeLanguage, activeLanguageOff } from "./languages";
import type { Status } from "./status";

interface Entry extends QuickPickItem {
  readonly command: string;
}

export async function showMenu(status: Status, isSnoozed: boolean): Promise<void> {
  const chosen = await window.showQuickPick(entries(status, isSnoozed), { title: "PLT" });
  if (chosen !== undefined) {
    await commands.executeCommand(chosen.command);
  }
}

function entries(status: Status, isSnoozed: boolean): Entry[] {
  if (status.server === "missing") {
    return [entry("cloud-download", "Set up the server…", "plt.installServer"), ...always()];
  }
  const helps = status.condition.command;
  return [
    ...(helps === undefined ? [] : [entry("refresh", helps.title, helps.command)]),
    entry("debug-restart", "Restart the server", "plt.restartServer"),
    ...languageEntry(),
    entry("bell-slash", isSnoozed ? "End the snooze" : "Snooze…", "plt.snooze"),
    entry("circle-slash", isEnabled() ? "Switch completions off" : "Switch completions on", "plt.toggle"),
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

function entry(icon: string, words: string, command: string): Entry {
  return { label: `$(${icon}) ${words}`, command };
}
