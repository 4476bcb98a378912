/** Runs `plt-lsp doctor` and shows what it says in an output channel; it does not know what is checked. */

import { type OutputChannel, ProgressLocation, window } from "vscode";
import { modelName } from "./config";
import { run } from "./process";

export async function runDoctor(command: string, channel: OutputChannel): Promise<void> {
  channel.clear();
  channel.appendLine(`${command} doctor (model: ${modelName()})`);
  channel.show(true);
  const options = { location: ProgressLocation.Notification, title: "PLT: the doctor is looking", cancellable: true };
  await window.withProgress(options, async (_, token) => {
    const controller = new AbortController();
    token.onCancellationRequested(() => controller.abort());
    try {
      const { code } = await run(command, ["doctor"], {
        signal: controller.signal,
        onLine: (line) => channel.appendLine(line),
      });
      channel.appendLine(code === 0 ? "The doctor has found nothing wrong." : `The doctor ended with code ${code}.`);
    } catch {
      channel.appendLine("Cancelled.");
    }
  });
}
