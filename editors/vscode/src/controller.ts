/** Decides when the server is looked for, installed, started and told of in the status bar; it draws nothing. */

import { type Disposable, type LogOutputChannel, type Memento, commands, window } from "vscode";
import { Client, type Observer } from "./client";
import { clientSettings } from "./config";
import type { PrivateEnvironment } from "./environment";
import type { GhostText } from "./ghostText";
import { type ServerCommand, locateServer } from "./locate";
import { buildModel, offerModel } from "./models";
import { LOAD_MODEL } from "./protocol";
import { RefactoringPreview, cancelRefactoring } from "./refactoring";
import { askToInstall, install, offer } from "./setup";
import { type ServerState, withAnswer, withCrash, withReport, withServer } from "./status";
import type { StatusBar } from "./statusBar";

const WELCOMED_KEY = "plt.welcomed";

export class Controller implements Disposable {
  readonly client: Client;
  readonly preview = new RefactoringPreview(() => void cancelRefactoring(this.client));
  private isInstalling = false;

  constructor(
    private readonly memory: Memento,
    private readonly log: LogOutputChannel,
    private readonly environment: PrivateEnvironment,
    private readonly statusBar: StatusBar,
    private readonly ghostText: GhostText,
  ) {
    this.client = new Client(log, this.observer());
  }

  /** The first start in a window: where there is no server yet, the user is welcomed and asked. */
  async begin(): Promise<void> {
    if (await this.start()) {
      await this.offerModel();
    } else if (this.statusBar.current.server === "missing") {
      await this.welcome();
      if (await askToInstall()) {
        await this.install();
      }
    }
  }

  /** Starts the server afresh, with whatever the settings now say; returns whether it runs. */
  async start(): Promise<boolean> {
    const found = this.locate();
    if (found === undefined) {
      await this.client.stop();
      return false;
    }
    this.log.info(`Starting ${found.command} (from the ${found.source})`);
    this.setServer("starting");
    try {
      await this.client.start(found.command);
      return true;
    } catch (error) {
      this.log.error(String(error));
      this.setServer("stopped");
      void offer(
        `The server ${found.command} does not start.`,
        "Show Log",
        "plt.showLog",
        "Run Doctor",
        "plt.runDoctor",
      );
      return false;
    }
  }

  /** Installs or updates the server in the private environment; one from elsewhere is its owner's to update. */
  async install(): Promise<void> {
    if (this.isInstalling) {
      return;
    }
    const found = this.locate();
    if (found !== undefined && found.source !== "private environment") {
      void window.showInformationMessage(`The server is ${found.command} (from the ${found.source}). Update it there.`);
      return;
    }
    this.isInstalling = true;
    await this.client.stop();
    this.setServer("installing");
    const isThere = await install(this.environment, this.log);
    this.isInstalling = false;
    await (isThere ? this.begin() : this.start());
  }

  async buildModel(): Promise<void> {
    const found = this.locate();
    if (found !== undefined && (await buildModel(found.command, this.log))) {
      await this.client.execute(LOAD_MODEL);
    }
  }

  /** The user wants nothing of what is shown at the cursor. */
  async dismiss(): Promise<void> {
    const document = window.activeTextEditor?.document;
    await this.ghostText.dismiss();
    if (document !== undefined) {
      await this.client.tellDismissed(document.uri.toString());
    }
  }

  /** The server's command, or undefined where there is none, which the user is then told. */
  locate(): ServerCommand | undefined {
    try {
      const found = locateServer({
        setting: clientSettings().serverPath,
        path: process.env["PATH"] ?? "",
        privateCommand: this.environment.command,
        platform: process.platform,
      });
      if (found === undefined && !this.isInstalling) {
        this.setServer("missing");
      }
      return found;
    } catch (error) {
      this.setServer("stopped");
      void offer(String((error as Error).message), "Open Settings", "plt.openSettings");
      return undefined;
    }
  }

  dispose(): void {
    this.preview.dispose();
    this.client.dispose();
  }

  /** Where the chosen model is missing and can be built, asks whether to. */
  async offerModel(): Promise<void> {
    const found = this.locate();
    if (found !== undefined && (await offerModel(found.command, this.memory, this.log))) {
      await this.client.execute(LOAD_MODEL);
    }
  }

  private async welcome(): Promise<void> {
    if (!this.memory.get(WELCOMED_KEY, false)) {
      await this.memory.update(WELCOMED_KEY, true);
      await commands.executeCommand("plt.openWalkthrough");
    }
  }

  private setServer(state: ServerState): void {
    this.statusBar.update((status) => withServer(status, state));
    void commands.executeCommand("setContext", "plt.isRunning", state === "running");
  }

  private observer(): Observer {
    return {
      starting: () => {
        this.setServer("starting");
        void this.preview.reset();
      },
      running: () => this.setServer("running"),
      stopped: () => this.setServer("stopped"),
      crashed: (isFinal) => this.crashed(isFinal),
      report: (report) => {
        this.ghostText.growth.reported(report);
        this.statusBar.update((status) => withReport(status, report));
      },
      progress: (progress) => this.ghostText.growth.progressed(progress),
      refactoring: (progress) => void this.preview.note(progress),
      isForMore: () => this.ghostText.takeAsked(),
      status: (answer) => this.statusBar.update((status) => withAnswer(status, answer)),
    };
  }

  private crashed(isFinal: boolean): void {
    this.log.warn("The server's process has ended unexpectedly.");
    this.statusBar.update(withCrash);
    if (isFinal) {
      const message = "The PLT server stopped too often and is not started again by itself.";
      void offer(message, "Restart", "plt.restartServer", "Show Log", "plt.showLog", "Run Doctor", "plt.runDoctor");
    }
  }
}
