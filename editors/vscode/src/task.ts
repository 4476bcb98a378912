/** Runs a program under a progress notification that can be cancelled, and writes what it says into the log. */

import { type LogOutputChannel, ProgressLocation, window } from "vscode";
import type { RunOptions } from "./process";

/** The user has cancelled. */
export class Cancelled extends Error {}

/** Throws Cancelled, or what the work throws. */
export async function withProgress<T>(
  title: string,
  log: LogOutputChannel,
  work: (options: RunOptions) => Promise<T>,
): Promise<T> {
  const options = { location: ProgressLocation.Notification, title, cancellable: true };
  return window.withProgress(options, async (progress, token) => {
    const controller = new AbortController();
    const listener = token.onCancellationRequested(() => controller.abort(new Cancelled()));
    try {
      return await work({
        signal: controller.signal,
        onLine: (line) => {
          log.info(line);
          progress.report({ message: shortened(line) });
        },
      });
    } finally {
      listener.dispose();
    }
  });
}

function shortened(line: string): string {
  const text = line.trim();
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}
