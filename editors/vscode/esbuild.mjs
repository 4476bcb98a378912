// Bundles the extension into one file, or, with --tests, each test into one that node can run.
import { readdirSync } from "node:fs";
import { build } from "esbuild";

const isTest = process.argv.includes("--tests");
const tests = () =>
  readdirSync("test")
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `test/${name}`);

await build({
  entryPoints: isTest ? tests() : ["src/extension.ts"],
  outdir: isTest ? "out/test" : "dist",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  minify: !isTest,
  sourcemap: isTest ? "inline" : false,
  logLevel: "warning",
});
