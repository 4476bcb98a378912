/** Runs a program to its end and hands over its lines; it knows neither VS Code nor what is run. */

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface Finished {
  /** The exit code, or null where a signal ended it or it could not be started. */
  readonly code: number | null;
  /** Everything it wrote to standard output, and then to standard error, line by line. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

export interface RunOptions {
  readonly onLine?: (line: string) => void;
  /** Ends the program and everything that it has started. */
  readonly signal?: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
}

/** Rejects only where the run was aborted; a program that cannot be started has failed with its system's message. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  options.signal?.throwIfAborted();
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: options.env ?? process.env,
    // A group of its own lets an abort reach pip's own children too.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  const abort = () => killTree(child);
  options.signal?.addEventListener("abort", abort);
  try {
    const [code, stdout, stderr] = await Promise.all([
      exitCode(child, options.onLine),
      lines(child.stdout, options.onLine),
      lines(child.stderr, options.onLine),
    ]);
    options.signal?.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

function exitCode(child: ChildProcess, onLine: RunOptions["onLine"]): Promise<number | null> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      onLine?.(error.message);
      resolve(null);
    });
    child.once("close", (code) => resolve(code));
  });
}

async function lines(stream: Readable, onLine: RunOptions["onLine"]): Promise<string[]> {
  const found: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    found.push(line);
    onLine?.(line);
  }
  return found;
}

function killTree(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) {
    return;
  }
  if (process.platform === "win32") {
    spawn("taskkill", ["/pid", String(child.pid), "/T", "/F"], { stdio: "ignore", windowsHide: true });
    return;
  }
  try {
    process.kill(-child.pid, "SIGTERM");
  } catch {
    child.kill();
  }
}
