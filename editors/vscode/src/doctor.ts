/** Runs `plt-lsp doctor` and shows what it says as a document that grows; it does not know what is checked. */

import { ProgressLocation, window } from "vscode";
import { run } from "./process";
import type { Reports } from "./reports";

const TITLE = "PLT doctor";

export async function runDoctor(command: string, reports: Reports): Promise<void> {
  const add = (line: string) => reports.add(TITLE, line);
  await reports.show(TITLE, `${command} doctor\n`);
  const options = { location: ProgressLocation.Notification, title: "PLT: the doctor is looking", cancellable: true };
  await window.withProgress(options, async (_, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    try {
      const { code } = await run(command, ["doctor"], { signal: controller.signal, onLine: add });
      add(code === 0 ? "The doctor has found nothing wrong." : `The doctor ended with code ${code}.`);
    } catch {
      add("Cancelled.");
    }
  });
}
