/** What the server tells when it is asked, shown as documents: it does not know what stands in them. */

import { window } from "vscode";
import type { Client } from "./client";
import { type Report, SHOW_CONTEXT, SHOW_STATISTICS } from "./protocol";
import type { Reports } from "./reports";

/** What was shown and accepted so far. */
export async function showStatistics(client: Client, reports: Reports): Promise<void> {
  await show("PLT statistics", await client.execute<Report>(SHOW_STATISTICS), reports);
}

/** What the model would be shown for a completion at the cursor. */
export async function showContext(client: Client, reports: Reports): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined) {
    void window.showInformationMessage(
      "Open a file first: what the model is shown at its cursor is what you will see.",
    );
    return;
  }
  const { line, character } = editor.selection.active;
  const uri = editor.document.uri.toString();
  await show("PLT context", await client.execute<Report>(SHOW_CONTEXT, uri, { line, character }), reports);
}

async function show(title: string, report: Report | undefined, reports: Reports): Promise<void> {
  if (report !== undefined) {
    await reports.show(title, report.text);
  }
}
