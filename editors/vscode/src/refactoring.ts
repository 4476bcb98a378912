/**
 * Shows what the model would make of a file beside the file, as a diff that grows, until the user accepts or discards it.
 * It does not know how a refactoring is written or checked, and changes nothing before it is accepted.
 */

import {
  type Disposable,
  EventEmitter,
  Position,
  Range,
  type TabChangeEvent,
  TabInputTextDiff,
  type TextDocument,
  Uri,
  WorkspaceEdit,
  commands,
  window,
  workspace,
} from "vscode";
import type { Client } from "./client";
import { type Place, type RefactoringProgress, editsOf, stepFor, withEdits } from "./preview";
import { CANCEL_REFACTORING, REFACTOR_SELECTION } from "./protocol";
import { type LspRange, rangeOf } from "./range";

const SCHEME = "plt-refactoring";
/** Contexts for keys and buttons: whether there is a preview, and whether it can be accepted. */
const SHOWN = "plt.isPreviewing";
const READY = "plt.canAcceptRefactoring";

interface Shown {
  readonly uri: Uri;
  readonly latest: RefactoringProgress;
}

export class RefactoringPreview implements Disposable {
  private shown: Shown | undefined;
  private newest: number | undefined;
  private text = "";
  /** What happens to the preview happens one after the other. */
  private last: Promise<void> = Promise.resolve();
  private readonly changed = new EventEmitter<Uri>();
  private readonly parts: Disposable[] = [
    workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: this.changed.event,
      provideTextDocumentContent: () => this.text,
    }),
    window.tabGroups.onDidChangeTabs((event) => this.tabsChanged(event)),
    this.changed,
  ];

  constructor(private readonly cancel: () => void) {}

  /** The server's news of a refactoring. */
  note(progress: RefactoringProgress): Promise<void> {
    return this.enqueue(() => this.take(progress));
  }

  /** Does what is shown, as one step of undo; nothing where the file is no longer the one that it was made for. */
  accept(): Promise<void> {
    return this.enqueue(() => this.apply());
  }

  /** Ends what is shown, written whole or not; nothing has changed. */
  discard(): Promise<void> {
    return this.enqueue(async () => {
      if (this.shown !== undefined && !this.shown.latest.done) {
        this.cancel();
      }
      await this.close();
    });
  }

  /** A server that starts anew counts from one again. */
  reset(): Promise<void> {
    return this.enqueue(async () => {
      this.newest = undefined;
      await this.close();
    });
  }

  dispose(): void {
    for (const part of this.parts) {
      part.dispose();
    }
  }

  private enqueue(work: () => Promise<void>): Promise<void> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async take(progress: RefactoringProgress): Promise<void> {
    const isShown = this.shown !== undefined;
    const step = stepFor(progress, this.newest === undefined ? undefined : { id: this.newest, isShown });
    if (step === "nothing") {
      return;
    }
    this.newest = progress.id;
    if (step === "update") {
      await this.update(progress);
      return;
    }
    await this.close();
    if (step === "open") {
      await this.open(progress);
    } else if (step === "refuse") {
      void window.showWarningMessage(progress.refusal ?? "");
    }
  }

  private async apply(): Promise<void> {
    const latest = this.shown?.latest;
    if (latest === undefined || latest.edit === null) {
      void window.showInformationMessage("There is no refactoring to accept.");
      return;
    }
    await this.close();
    const document = await workspace.openTextDocument(Uri.parse(latest.uri));
    await window.showTextDocument(document);
    if (document.version !== latest.version) {
      void window.showWarningMessage("The file has changed since the refactoring was made; nothing was done.");
      return;
    }
    const edit = new WorkspaceEdit();
    for (const { range, newText } of editsOf(latest)) {
      edit.replace(document.uri, toRange(range), newText);
    }
    await workspace.applyEdit(edit);
  }

  private async open(progress: RefactoringProgress): Promise<void> {
    const file = Uri.parse(progress.uri);
    const name = file.path.slice(file.path.lastIndexOf("/") + 1);
    const uri = Uri.from({ scheme: SCHEME, path: `/${progress.id}/${name}` });
    this.shown = { uri, latest: progress };
    await this.update(progress);
    await commands.executeCommand("vscode.diff", file, uri, `${progress.title}: ${name}`, { preview: true });
  }

  private async update(progress: RefactoringProgress): Promise<void> {
    const document = await workspace.openTextDocument(Uri.parse(progress.uri));
    if (this.shown === undefined || document.version !== progress.version) {
      return; // the server is about to hear of an edit, and will say that it is of no use any more
    }
    this.shown = { uri: this.shown.uri, latest: progress };
    this.text = withEdits(document.getText(), editsOf(progress), (place) => offsetIn(document, place));
    this.changed.fire(this.shown.uri);
    await this.tell();
  }

  private async close(): Promise<void> {
    const uri = this.shown?.uri.toString();
    this.shown = undefined;
    await this.tell();
    const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
    await window.tabGroups.close(tabs.filter(({ input }) => isPreview(input) && input.modified.toString() === uri));
  }

  /** Who closes the preview wants nothing of it. */
  private tabsChanged({ closed }: TabChangeEvent): void {
    const uri = this.shown?.uri.toString();
    if (closed.some(({ input }) => isPreview(input) && input.modified.toString() === uri)) {
      void this.discard();
    }
  }

  private async tell(): Promise<void> {
    await commands.executeCommand("setContext", SHOWN, this.shown !== undefined);
    await commands.executeCommand("setContext", READY, (this.shown?.latest.edit ?? null) !== null);
  }
}

/** Asks what is to be done with the selection, and has the server begin. */
export async function refactor(client: Client): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined) {
    void window.showInformationMessage("There is no text to refactor; open a file and select some of it.");
    return;
  }
  const uri = editor.document.uri.toString();
  const range = rangeOf(editor.selection);
  const instruction = await window.showInputBox({
    title: "Refactor the selection",
    prompt: "What is to be done with it? You will see the result before anything changes.",
    placeHolder: "use early returns",
  });
  if (instruction !== undefined && instruction.trim() !== "") {
    await run(client, uri, range, instruction);
  }
}

/** Ends the refactoring that is being written, if there is one. */
export async function cancelRefactoring(client: Client): Promise<void> {
  await client.execute(CANCEL_REFACTORING);
}

/** Has the user name what a refactoring has named for them. */
export async function renameAt(uri: string, { line, character }: Place): Promise<void> {
  await commands.executeCommand("editor.action.rename", [Uri.parse(uri), new Position(line, character)]);
}

async function run(client: Client, uri: string, range: LspRange, instruction: string): Promise<void> {
  try {
    await client.execute(REFACTOR_SELECTION, uri, range, instruction);
  } catch (error) {
    void window.showWarningMessage((error as Error).message);
  }
}

function isPreview(input: unknown): input is TabInputTextDiff {
  return input instanceof TabInputTextDiff && input.modified.scheme === SCHEME;
}

function toRange({ start, end }: LspRange): Range {
  return new Range(start.line, start.character, end.line, end.character);
}

function offsetIn(document: TextDocument, { line, character }: Place): number {
  return document.offsetAt(new Position(line, character));
}
