/** The commands of the palette, each one line; what they do lives elsewhere. */

import { type Disposable, type LogOutputChannel, commands, window } from "vscode";
import { isEnabled, write } from "./config";
import type { Controller } from "./controller";
import type { Doctor } from "./doctor";
import type { GhostText } from "./ghostText";
import { toggleLanguage } from "./languages";
import { showMenu } from "./menu";
import type { Snooze } from "./snooze";
import type { StatusBar } from "./statusBar";

const WALKTHROUGH = "plt.plt-lsp#plt.start";

export interface Parts {
  readonly controller: Controller;
  readonly ghostText: GhostText;
  readonly log: LogOutputChannel;
  readonly doctor: Doctor;
  readonly snooze: Snooze;
  readonly statusBar: StatusBar;
}

export function registerCommands({ controller, ghostText, log, doctor, snooze, statusBar }: Parts): Disposable[] {
  const actions: Readonly<Record<string, () => unknown>> = {
    "plt.showMenu": () => showMenu(statusBar.current, snooze.isActive),
    "plt.dismiss": () => ghostText.dismiss(),
    "plt.restartServer": () => controller.start(),
    "plt.installServer": () => controller.install(),
    "plt.buildModel": () => controller.buildModel(),
    "plt.runDoctor": () => withServer(controller, (command) => doctor.run(command)),
    "plt.showLog": () => log.show(true),
    "plt.toggleLanguage": () => toggleLanguage(),
    "plt.toggle": () => write("enable", !isEnabled()),
    "plt.snooze": () => snooze.toggle(),
    "plt.openSettings": () => commands.executeCommand("workbench.action.openSettings", "@ext:plt.plt-lsp"),
    "plt.openWalkthrough": () => commands.executeCommand("workbench.action.openWalkthrough", WALKTHROUGH, false),
  };
  return Object.entries(actions).map(([name, action]) => commands.registerCommand(name, action));
}

async function withServer(controller: Controller, work: (command: string) => Promise<void>): Promise<void> {
  const found = controller.locate();
  if (found === undefined) {
    void window.showInformationMessage("There is no server yet; install it first.");
    return;
  }
  await work(found.command);
}
