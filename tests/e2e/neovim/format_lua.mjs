// Checks (or with --write restores) the layout of the plugin's Lua files with stylua.
// It does not know stylua's command line, which needs a download; the library in the npm package does the same.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");
const cache = path.join(root, ".cache/e2e/stylua/package.json");
const { formatCode, Config, OutputVerification, IndentType } = createRequire(cache)("@johnnymorganz/stylua");

// The options of editors/neovim/stylua.toml.
function config() {
  const options = Config.new();
  options.column_width = 120;
  options.indent_type = IndentType.Spaces;
  options.indent_width = 2;
  return options;
}

const folder = path.join(root, "editors/neovim");
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".lua"));
let numWrong = 0;
for (const name of files.sort()) {
  const file = path.join(folder, name);
  const code = readFileSync(file, "utf8");
  const formatted = formatCode(code, config(), undefined, OutputVerification.Full);
  if (formatted === code) continue;
  numWrong += 1;
  console.log(name);
  if (process.argv.includes("--write")) writeFileSync(file, formatted);
}
console.log(`${files.length} files, ${numWrong} laid out differently`);
process.exitCode = numWrong > 0 && !process.argv.includes("--write") ? 1 : 0;
