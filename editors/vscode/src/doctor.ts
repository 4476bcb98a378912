/** Runs `plt-lsp doctor` and shows what it says as a document that grows; it does not know what is checked. */

import { type Disposable, EventEmitter, ProgressLocation, Range, Uri, window, workspace } from "vscode";
import { run } from "./process";

const SCHEME = "plt-doctor";
const REPORT = Uri.from({ scheme: SCHEME, path: "PLT doctor" });

export class Doctor implements Disposable {
  private text = "";
  private readonly grown = new EventEmitter<Uri>();
  private readonly provider = workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: this.grown.event,
    provideTextDocumentContent: () => this.text,
  });
  /** What is said last is what is looked at, as in a terminal. */
  private readonly follower = workspace.onDidChangeTextDocument(({ document }) => {
    const editor = window.visibleTextEditors.find((one) => one.document === document);
    if (document.uri.scheme === SCHEME) {
      editor?.revealRange(new Range(document.lineCount - 1, 0, document.lineCount - 1, 0));
    }
  });

  async run(command: string): Promise<void> {
    this.text = "";
    this.add(`${command} doctor`);
    await window.showTextDocument(await workspace.openTextDocument(REPORT), { preview: false });
    const options = { location: ProgressLocation.Notification, title: "PLT: the doctor is looking", cancellable: true };
    await window.withProgress(options, async (_, token) => {
      const controller = new AbortController();
      token.onCancellationRequested(() => controller.abort());
      try {
        const { code } = await run(command, ["doctor"], {
          signal: controller.signal,
          onLine: (line) => this.add(line),
        });
        this.add(code === 0 ? "The doctor has found nothing wrong." : `The doctor ended with code ${code}.`);
      } catch {
        this.add("Cancelled.");
      }
    });
  }

  dispose(): void {
    this.provider.dispose();
    this.follower.dispose();
    this.grown.dispose();
  }

  private add(line: string): void {
    this.text += `${line}\n`;
    this.grown.fire(REPORT);
  }
}
