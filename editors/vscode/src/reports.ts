/** Read-only documents with what a program or the server has said; they do not know what it means. */

import { type Disposable, EventEmitter, Range, Uri, window, workspace } from "vscode";

const SCHEME = "plt-report";

export class Reports implements Disposable {
  private readonly texts = new Map<string, string>();
  /** Titles of what grows. */
  private readonly growing = new Set<string>();
  private readonly changed = new EventEmitter<Uri>();
  private readonly provider = workspace.registerTextDocumentContentProvider(SCHEME, {
    onDidChange: this.changed.event,
    provideTextDocumentContent: ({ path }) => this.texts.get(path) ?? "",
  });

  /** What grows is looked at where it grows, as in a terminal. */
  private readonly follower = workspace.onDidChangeTextDocument(({ document }) => {
    const editor = window.visibleTextEditors.find((one) => one.document === document);
    if (document.uri.scheme === SCHEME && this.growing.has(document.uri.path)) {
      editor?.revealRange(new Range(document.lineCount - 1, 0, document.lineCount - 1, 0));
    }
  });

  /** Shows a document of this title with this text, in the place of an earlier one. */
  async show(title: string, text: string): Promise<void> {
    this.growing.delete(title);
    this.put(title, text);
    await window.showTextDocument(await workspace.openTextDocument(uriOf(title)), { preview: false });
  }

  /** Adds a line to a document that is shown. */
  add(title: string, line: string): void {
    this.growing.add(title);
    this.put(title, `${this.texts.get(title) ?? ""}${line}\n`);
  }

  dispose(): void {
    this.provider.dispose();
    this.follower.dispose();
    this.changed.dispose();
  }

  private put(title: string, text: string): void {
    this.texts.set(title, text);
    this.changed.fire(uriOf(title));
  }
}

function uriOf(title: string): Uri {
  return Uri.from({ scheme: SCHEME, path: title });
}
