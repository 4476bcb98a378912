/** Finds a Python that can hold the server; it does not know what is installed into it, nor VS Code. */

import { type Finished, run } from "./process";

export const OLDEST: readonly [number, number] = [3, 11];

export interface Python {
  readonly executable: string;
  readonly version: readonly [number, number, number];
}

/** Why no Python will do, and what the user can do about it. */
export class PythonError extends Error {}

interface Probe extends Python {
  readonly hasVenv: boolean;
}

type Runner = (command: string, args: readonly string[]) => Promise<Finished>;

const PROBE = `import importlib.util as u, json, sys
print(json.dumps([sys.executable, list(sys.version_info[:3]), all(u.find_spec(m) for m in ("venv", "ensurepip"))]))`;

/** The commands to try, the user's own choice alone where there is one. */
export function candidates(configured: string, platform: NodeJS.Platform): readonly (readonly string[])[] {
  if (configured !== "") {
    return [[configured]];
  }
  const numbered = ["python3.13", "python3.12", "python3.11"].map((name) => [name]);
  return platform === "win32" ? [["py", "-3"], ["python"], ["python3"]] : [["python3"], ["python"], ...numbered];
}

/** The first Python that will do; throws a PythonError that names the best remedy. */
export async function findPython(
  configured: string,
  platform: NodeJS.Platform = process.platform,
  runner: Runner = run,
): Promise<Python> {
  const probes: Probe[] = [];
  for (const [command, ...args] of candidates(configured, platform)) {
    const probe = await probePython(command!, args, runner);
    if (probe !== undefined && isNewEnough(probe) && probe.hasVenv) {
      return probe;
    }
    if (probe !== undefined) {
      probes.push(probe);
    }
  }
  throw new PythonError(remedy(configured, probes, platform));
}

async function probePython(command: string, args: readonly string[], runner: Runner): Promise<Probe | undefined> {
  const finished = await runner(command, [...args, "-I", "-c", PROBE]);
  return finished.code === 0 ? parseProbe(finished.stdout.at(-1) ?? "") : undefined;
}

/** What the probe printed, or undefined where it printed something else. */
export function parseProbe(line: string): Probe | undefined {
  try {
    const [executable, version, hasVenv] = JSON.parse(line) as [string, [number, number, number], boolean];
    return { executable, version, hasVenv };
  } catch {
    return undefined;
  }
}

export function isNewEnough({ version: [major, minor] }: Python): boolean {
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function remedy(configured: string, probes: readonly Probe[], platform: NodeJS.Platform): string {
  const needed = `Python ${OLDEST.join(".")} or newer`;
  const recent = probes.find(isNewEnough);
  if (recent !== undefined) {
    return `${recent.executable} lacks the modules venv and ensurepip. ${venvRemedy(platform)}`;
  }
  const old = probes[0];
  if (old !== undefined) {
    const found = `${old.executable} is Python ${old.version.join(".")}`;
    return `PLT needs ${needed}, but ${found}. Install a newer one, or set plt.server.python to its path.`;
  }
  if (configured !== "") {
    return `plt.server.python is "${configured}", which is no Python that runs. Set it to the path of ${needed}.`;
  }
  return `PLT needs ${needed}, and none is on the PATH. Install it, or set plt.server.python to its path.`;
}

function venvRemedy(platform: NodeJS.Platform): string {
  return platform === "linux"
    ? "Install them (on Debian and Ubuntu the package python3-venv), or set plt.server.python to another Python."
    : "Install Python with its standard library, or set plt.server.python to another Python.";
}
