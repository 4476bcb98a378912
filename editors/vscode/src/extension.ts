/** Puts the parts together when VS Code starts the extension; each part lives in a file of its own. */

import { type ExtensionContext, Uri, commands, window, workspace } from "vscode";
import { registerCommands } from "./commands";
import { Controller } from "./controller";
import { PrivateEnvironment } from "./environment";
import { GhostText } from "./ghostText";
import { Reports } from "./reports";
import { StatusBar } from "./statusBar";

export async function activate(context: ExtensionContext): Promise<void> {
  const log = window.createOutputChannel("PLT", { log: true });
  const reports = new Reports();
  const statusBar = new StatusBar();
  const ghostText = new GhostText();
  const environment = new PrivateEnvironment(Uri.joinPath(context.globalStorageUri, "server").fsPath);
  const controller = new Controller(context.globalState, log, environment, statusBar, ghostText);
  const settings = workspace.onDidChangeConfiguration((event) => {
    if (event.affectsConfiguration("plt.server") || controller.client.needsRestart) {
      void controller.start();
    } else if (event.affectsConfiguration("plt.model")) {
      void controller.offerModel();
    }
  });
  const registered = registerCommands({ controller, log, reports, statusBar });
  context.subscriptions.push(settings, controller, statusBar, ...registered, reports, log);
  // Key bindings of this extension hold only while it is there.
  await commands.executeCommand("setContext", "plt.isActive", true);
  void controller.begin();
}
