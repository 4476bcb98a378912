/** The commands of the palette, each one line; what they do lives elsewhere. */

import { type Disposable, type LogOutputChannel, commands, window } from "vscode";
import type { Client } from "./client";
import { isEnabled, write } from "./config";
import type { Controller } from "./controller";
import { runDoctor } from "./doctor";
import { endExplanation, explain } from "./explain";
import { toggleLanguage } from "./languages";
import { chooseBudget, chooseLoops } from "./loops";
import { showMenu } from "./menu";
import { RENAME_AT } from "./protocol";
import { refactor, renameAt } from "./refactoring";
import type { Reports } from "./reports";
import { toggleSnooze } from "./snooze";
import { isSnoozed } from "./status";
import type { StatusBar } from "./statusBar";
import { showContext, showStatistics } from "./told";

const WALKTHROUGH = "plt.plt-lsp#plt.start";

export interface Parts {
  readonly controller: Controller;
  readonly log: LogOutputChannel;
  readonly reports: Reports;
  readonly statusBar: StatusBar;
}

export function registerCommands({ controller, log, reports, statusBar }: Parts): Disposable[] {
  const actions: Readonly<Record<string, () => unknown>> = {
    "plt.showMenu": () => showMenu(statusBar.current),
    "plt.dismiss": () => controller.dismiss(),
    "plt.restartServer": () => controller.start(),
    "plt.installServer": () => controller.install(),
    "plt.buildModel": () => controller.buildModel(),
    "plt.runDoctor": () => withServer(controller, (command) => runDoctor(command, reports)),
    "plt.showLog": () => log.show(true),
    "plt.toggleLanguage": () => toggleLanguage(),
    "plt.toggle": () => write("enable", !isEnabled()),
    "plt.snooze": () => withClient(controller, (client) => toggleSnooze(client, isSnoozed(statusBar.current))),
    "plt.chooseLoops": () => withClient(controller, (client) => chooseLoops(client)),
    "plt.chooseBudget": () => chooseBudget(statusBar.current.budgetMs),
    "plt.openContext": () => withClient(controller, (client) => showContext(client, reports)),
    "plt.openStatistics": () => withClient(controller, (client) => showStatistics(client, reports)),
    "plt.explain": () => withClient(controller, (client) => explain(client)),
    "plt.endExplanation": () => withClient(controller, (client) => endExplanation(client)),
    "plt.refactor": () => withClient(controller, (client) => refactor(client)),
    "plt.acceptRefactoring": () => controller.preview.accept(),
    "plt.discardRefactoring": () => controller.preview.discard(),
    "plt.openSettings": () => commands.executeCommand("workbench.action.openSettings", "@ext:plt.plt-lsp"),
    "plt.openWalkthrough": () => commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false),
  };
  const registered = Object.entries(actions).map(([name, action]) => commands.registerCommand(name, action));
  return [...registered, commands.registerCommand(RENAME_AT, renameAt)];
}

async function withServer(controller: Controller, work: (command: string) => Promise<void>): Promise<void> {
  const found = controller.locate();
  if (found === undefined) {
    void window.showInformationMessage("There is no server yet; install it first.");
    return;
  }
  await work(found.command);
}

async function withClient({ client }: Controller, work: (client: Client) => Promise<void>): Promise<void> {
  if (!client.isRunning) {
    void window.showInformationMessage("The server is not running; only it can do this.");
    return;
  }
  await work(client);
}
