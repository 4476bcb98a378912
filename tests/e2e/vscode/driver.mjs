// A browser on a leash: reads one command a line from standard input, as JSON, and answers each with one line of the same id.
// It knows pages, not VS Code. PLAYWRIGHT names the folder of playwright-core, CHROMIUM the browser's program,
// TIMEOUT_MS the time after which anything that has not happened is an error.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const TIMEOUT = Number(process.env.TIMEOUT_MS);
const [profile] = process.argv.slice(2);
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM,
  headless: true,
  timeout: TIMEOUT,
  args: FLAGS,
});
context.setDefaultTimeout(TIMEOUT);
await context.grantPermissions(["clipboard-read", "clipboard-write"]);
const page = context.pages()[0] ?? (await context.newPage());

const commands = {
  open: ({ url }) => page.goto(url, { waitUntil: "domcontentloaded" }).then(() => null),
  press: ({ key }) => page.keyboard.press(key).then(() => null),
  // Keys as a person presses them, one by one.
  type: ({ text }) => page.keyboard.type(text).then(() => null),
  // Text that arrives at once, as from an input method; it may hold any character.
  insert: ({ text }) => page.keyboard.insertText(text).then(() => null),
  texts: ({ selector }) => page.locator(selector).allTextContents(),
  attributes: ({ selector, name }) =>
    page.locator(selector).evaluateAll((found, attribute) => found.map((one) => one.getAttribute(attribute)), name),
  // A property of each match as it is drawn: `color`, or a variable of the theme's.
  styles: ({ selector, name }) =>
    page.locator(selector).evaluateAll((found, property) => found.map((one) => getComputedStyle(one).getPropertyValue(property)), name),
  // The text of each match with where it stands, topmost first.
  placed: ({ selector }) =>
    page.locator(selector).evaluateAll((found) =>
      found.map((one) => ({ top: one.getBoundingClientRect().top, left: one.getBoundingClientRect().left, text: one.textContent })),
    ),
  // The first match that is visible; playwright waits for it.
  click: ({ selector }) => page.locator(selector).first().click().then(() => null),
  hover: ({ selector }) => page.locator(selector).first().hover().then(() => null),
  resize: ({ width, height }) => page.setViewportSize({ width, height }).then(() => null),
  screenshot: ({ path }) => page.screenshot({ path }).then(() => null),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, ...params } = JSON.parse(line);
  let answer;
  try {
    answer = { id, result: await commands[method](params) };
  } catch (error) {
    answer = { id, error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await context.close();
