/** Brings a machine without a server to one with it, asking first; where the server is found it says nothing. */

import { type LogOutputChannel, commands, window } from "vscode";
import { clientSettings } from "./config";
import { InstallError, type PrivateEnvironment } from "./environment";
import { PythonError, findPython } from "./python";
import { Cancelled, withProgress } from "./task";

/** Whether the user wants the server installed. */
export async function askToInstall(): Promise<boolean> {
  const { requirement } = clientSettings().package;
  const question =
    `PLT needs its language server, which was not found. Install the Python package ${requirement} ` +
    "into a private environment of this extension? pip will download it and PyTorch.";
  const chosen = await window.showInformationMessage(question, "Install", "Use an Existing One…", "Not Now");
  if (chosen === "Use an Existing One…") {
    await commands.executeCommand("workbench.action.openSettings", "plt.server.path");
  }
  return chosen === "Install";
}

/** Installs or updates the server; returns whether it is there now. Each failure is told with its remedy. */
export async function install(environment: PrivateEnvironment, log: LogOutputChannel): Promise<boolean> {
  try {
    const settings = clientSettings();
    const python = await findPython(settings.python);
    log.info(`Installing with ${python.executable} (Python ${python.version.join(".")}) into ${environment.folder}`);
    await withProgress("PLT: installing the language server", log, (options) =>
      environment.install(python, settings.package, options),
    );
    return true;
  } catch (error) {
    explain(error, log);
    return false;
  }
}

function explain(error: unknown, log: LogOutputChannel): void {
  if (error instanceof Cancelled) {
    log.info("The installation was cancelled.");
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  log.error(message);
  if (error instanceof PythonError) {
    void offer(message, "Try Again", "plt.installServer", "Open Settings", "plt.openSettings");
  } else if (error instanceof InstallError) {
    void offer(message, "Show Log", "plt.showLog", "Try Again", "plt.installServer");
  } else {
    void offer(message, "Show Log", "plt.showLog");
  }
}

/** An error with buttons, given as pairs of words and the command that each runs. */
export async function offer(message: string, ...pairs: readonly string[]): Promise<void> {
  const labels = pairs.filter((_, i) => i % 2 === 0);
  const chosen = await window.showErrorMessage(message, ...labels);
  const command = chosen === undefined ? undefined : pairs[pairs.indexOf(chosen) + 1];
  if (command !== undefined) {
    await commands.executeCommand(command);
  }
}
