/** The settings that this extension itself reads; the server's own pass through `serverSettings` unread. */

import { ConfigurationTarget, workspace } from "vscode";
import type { Package } from "./environment";

export const SECTION = "plt";

/** The documents that are completed, where their language is not switched off. */
export const DOCUMENTS = [{ scheme: "file" }, { scheme: "untitled" }];

export interface ClientSettings {
  readonly serverPath: string;
  readonly python: string;
  readonly package: Package;
}

export function clientSettings(): ClientSettings {
  const server = workspace.getConfiguration(`${SECTION}.server`);
  return {
    serverPath: server.get("path", ""),
    python: server.get("python", ""),
    package: {
      requirement: server.get("package", "plt-lsp"),
      pipArguments: server.get("pipArguments", []),
    },
  };
}

export function isEnabled(): boolean {
  return workspace.getConfiguration(SECTION).get("enable", true);
}

export function modelName(): string {
  return workspace.getConfiguration(SECTION).get("model", "");
}

export function disabledLanguages(): readonly string[] {
  return workspace.getConfiguration(SECTION).get("disabledLanguages", []);
}

/** Writes a setting where its present value comes from, so that the change has an effect. */
export async function write(key: string, value: unknown): Promise<void> {
  const configuration = workspace.getConfiguration(SECTION);
  const found = configuration.inspect(key);
  const isWorkspaces = found?.workspaceValue !== undefined;
  await configuration.update(key, value, isWorkspaces ? ConfigurationTarget.Workspace : ConfigurationTarget.Global);
}
