/** Whether the chosen model is on this machine, and building it if the user wants so; the server's own command does it. */

import { type LogOutputChannel, type Memento, window } from "vscode";
import { modelName } from "./config";
import { run } from "./process";
import { isPath } from "./serverSettings";
import { Cancelled, withProgress } from "./task";

interface Listing {
  readonly packs: readonly { readonly name: string; readonly fault: string | null }[];
  readonly buildable: readonly { readonly name: string; readonly title: string; readonly license: string }[];
}

/** Models that were found once are not looked for at every start. */
const SEEN_KEY = "plt.modelsSeen";

/** Offers to build the chosen model where it is missing and can be built; returns whether it has been built. */
export async function offerModel(command: string, memory: Memento, log: LogOutputChannel): Promise<boolean> {
  const name = modelName();
  const seen = memory.get<readonly string[]>(SEEN_KEY, []);
  if (isPath(name) || seen.includes(name)) {
    return false;
  }
  const listing = await list(command);
  if (listing?.packs.some((pack) => pack.name === name && pack.fault === null)) {
    await memory.update(SEEN_KEY, [...seen, name]);
    return false;
  }
  const recipe = listing?.buildable.find((candidate) => candidate.name === name);
  if (recipe === undefined) {
    return false;
  }
  const question = `The model ${name} (${recipe.title}, ${recipe.license}) is not on this machine. Download and build it?`;
  const isWanted = (await window.showInformationMessage(question, "Build", "Not Now")) === "Build";
  return isWanted && (await buildModel(command, log));
}

/** Builds the chosen model, and says how that went; returns whether it is there now. */
export async function buildModel(command: string, log: LogOutputChannel): Promise<boolean> {
  const name = modelName();
  try {
    const finished = await withProgress(`PLT: building the model ${name}`, log, (options) =>
      run(command, ["models", "build", name], options),
    );
    if (finished.code !== 0) {
      const said = finished.stderr.at(-1) ?? finished.stdout.at(-1) ?? "see the log";
      void window.showErrorMessage(`The model ${name} could not be built: ${said}`);
      return false;
    }
    void window.showInformationMessage(`The model ${name} is ready. Type in any file.`);
    return true;
  } catch (error) {
    if (!(error instanceof Cancelled)) {
      throw error;
    }
    return false;
  }
}

async function list(command: string): Promise<Listing | undefined> {
  const finished = await run(command, ["models", "list", "--json"]);
  try {
    return JSON.parse(finished.stdout.join("\n")) as Listing;
  } catch {
    return undefined;
  }
}
