/** The private virtual environment that holds the server where the user has none; it asks nobody and shows nothing. */

import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type RunOptions, run } from "./process";
import type { Python } from "./python";

/** Written last and removed first, so that an environment that was left half made is known as such. */
const MARK = "plt-installed.json";

export interface Package {
  /** What pip is to install: a name, a version of it, or the path of a wheel. */
  readonly requirement: string;
  /** More words for pip, such as where to find packages. */
  readonly pipArguments: readonly string[];
}

/** A step of the installation failed; the message ends with what the step last said. */
export class InstallError extends Error {}

export class PrivateEnvironment {
  constructor(
    readonly folder: string,
    private readonly platform: NodeJS.Platform = process.platform,
  ) {}

  /** The server's command, or undefined where the environment is not there or not whole. */
  get command(): string | undefined {
    const command = this.script("plt-lsp");
    return existsSync(this.mark) && existsSync(command) ? command : undefined;
  }

  /**
   * Makes the environment, or updates the one that is there; throws an InstallError, or the signal's reason. What was not
   * finished is gone afterwards, but for an environment that a failed update has left as whole as it was.
   */
  async install(python: Python, what: Package, options: RunOptions): Promise<void> {
    const isUpdate = this.command !== undefined;
    await rm(this.mark, { force: true });
    try {
      await (isUpdate ? this.pip(what, ["--upgrade"], options) : this.make(python, what, options));
    } catch (error) {
      await (isUpdate && (await this.isSound()) ? this.finish(what) : this.remove());
      throw error;
    }
    await this.finish(what);
  }

  private async make(python: Python, what: Package, options: RunOptions): Promise<void> {
    await this.remove();
    await mkdir(this.folder, { recursive: true });
    await step("Making the environment", python.executable, ["-m", "venv", this.folder], options);
    await this.pip(what, [], options);
  }

  private async pip(what: Package, more: readonly string[], options: RunOptions): Promise<void> {
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off"];
    const words = [...pip, ...more, ...what.pipArguments, what.requirement];
    await step(`Installing ${what.requirement}`, this.script("python"), words, options);
  }

  /** Whether each package in the environment still has what it needs. */
  private async isSound(): Promise<boolean> {
    const words = ["-m", "pip", "check", "--disable-pip-version-check"];
    return existsSync(this.script("plt-lsp")) && (await run(this.script("python"), words)).code === 0;
  }

  private finish(what: Package): Promise<void> {
    return writeFile(this.mark, `${JSON.stringify(what)}\n`);
  }

  private remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  private get mark(): string {
    return join(this.folder, MARK);
  }

  private script(name: string): string {
    return this.platform === "win32" ? join(this.folder, "Scripts", `${name}.exe`) : join(this.folder, "bin", name);
  }
}

async function step(title: string, command: string, args: readonly string[], options: RunOptions): Promise<void> {
  const { code, stdout, stderr } = await run(command, args, options);
  if (code !== 0) {
    const said = stderr.at(-1) ?? stdout.at(-1) ?? `${command} could not be started`;
    throw new InstallError(`${title} failed: ${said}`);
  }
}
