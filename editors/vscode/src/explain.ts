/** Explains the selection in a read-only document beside it, which the server writes; what it says is not known here. */

import { Uri, ViewColumn, languages, window, workspace } from "vscode";
import type { Client } from "./client";
import { CANCEL_EXPLANATION, EXPLAIN_SELECTION, type Explanation } from "./protocol";
import { rangeOf } from "./range";

export async function explain(client: Client): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined) {
    void window.showInformationMessage("There is no text to explain; open a file and select some of it.");
    return;
  }
  try {
    const uri = editor.document.uri.toString();
    const answer = await client.execute<Explanation>(EXPLAIN_SELECTION, uri, rangeOf(editor.selection));
    if (typeof answer?.document === "string") {
      await showBeside(Uri.parse(answer.document));
    }
  } catch (error) {
    void window.showWarningMessage((error as Error).message);
  }
}

/** Ends the explanation that is being written, if there is one. */
export async function endExplanation(client: Client): Promise<void> {
  await client.execute(CANCEL_EXPLANATION);
}

/** The cursor stays with the code; the document is the server's, so nobody can write in it. */
async function showBeside(uri: Uri): Promise<void> {
  const document = await languages.setTextDocumentLanguage(await workspace.openTextDocument(uri), "markdown");
  await window.showTextDocument(document, { viewColumn: ViewColumn.Beside, preserveFocus: true, preview: true });
}
