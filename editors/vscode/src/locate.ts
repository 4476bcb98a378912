/** Which server to run: the user's setting, the PATH, or the private environment; it does not know VS Code. */

import { accessSync, constants, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export interface ServerCommand {
  readonly command: string;
  readonly source: "setting" | "PATH" | "private environment";
}

/** The setting names something that cannot be run. */
export class ServerPathError extends Error {}

export interface Places {
  /** plt.server.path; empty where it is not set. */
  readonly setting: string;
  readonly path: string;
  /** The command in the private environment, where that is whole. */
  readonly privateCommand: string | undefined;
  readonly platform: NodeJS.Platform;
}

/** The server's command, or undefined where there is none yet; throws a ServerPathError for a wrong setting. */
export function locateServer(places: Places): ServerCommand | undefined {
  if (places.setting !== "") {
    return { command: fromSetting(places.setting), source: "setting" };
  }
  const onPath = searchPath(places.path, places.platform);
  if (onPath !== undefined) {
    return { command: onPath, source: "PATH" };
  }
  const command = places.privateCommand;
  return command === undefined ? undefined : { command, source: "private environment" };
}

function fromSetting(setting: string): string {
  const command = setting.replace(/^~(?=[/\\]|$)/, homedir());
  if (!isExecutable(command)) {
    throw new ServerPathError(
      `plt.server.path is "${setting}", which is no program that can be run. Set it to the path of plt-lsp, or clear it.`,
    );
  }
  return command;
}

function searchPath(path: string, platform: NodeJS.Platform): string | undefined {
  const names = platform === "win32" ? ["plt-lsp.exe"] : ["plt-lsp"];
  return path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
