/** The status bar item: keeps what is known of the server and draws it; `status` says in which words. */

import {
  type Disposable,
  MarkdownString,
  StatusBarAlignment,
  type StatusBarItem,
  ThemeColor,
  window,
  workspace,
} from "vscode";
import { SECTION, isEnabled } from "./config";
import { activeLanguageOff } from "./languages";
import { type Status, UNKNOWN, formatMs, show } from "./status";

const BACKGROUNDS = {
  normal: undefined,
  warning: new ThemeColor("statusBarItem.warningBackground"),
  error: new ThemeColor("statusBarItem.errorBackground"),
} as const;

export class StatusBar implements Disposable {
  private status: Status = UNKNOWN;
  private readonly item: StatusBarItem = window.createStatusBarItem("plt.status", StatusBarAlignment.Right, 100);
  private readonly listeners: readonly Disposable[];

  constructor() {
    this.item.name = "PLT";
    this.item.command = "plt.showMenu";
    this.listeners = [
      window.onDidChangeActiveTextEditor(() => this.draw()),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration(SECTION)) {
          this.draw();
        }
      }),
    ];
    this.draw();
    this.item.show();
  }

  get current(): Status {
    return this.status;
  }

  update(change: (status: Status) => Status): void {
    this.status = change(this.status);
    this.draw();
  }

  dispose(): void {
    this.listeners.forEach((listener) => listener.dispose());
    this.item.dispose();
  }

  private draw(): void {
    const { text, severity, label } = show(this.status, {
      isEnabled: isEnabled(),
      languageOff: activeLanguageOff(),
    });
    this.item.text = text;
    this.item.backgroundColor = BACKGROUNDS[severity];
    this.item.accessibilityInformation = { label };
    this.item.tooltip = tooltip(label, this.status);
  }
}

function tooltip(
  label: string,
  { model, loops, chosenLoops, budgetMs, decision, pid, latencyMs, numAccepted }: Status,
): MarkdownString {
  const text = new MarkdownString();
  text.appendText(label);
  const rows = [
    ["Model", model],
    ["Loops", loops],
    ["Loop count", chosenLoops],
    ["Latency budget", budgetMs === undefined ? undefined : formatMs(budgetMs)],
    ["Decision", decision],
    ["Engine process", pid],
    ["Last completion", latencyMs === undefined ? undefined : formatMs(latencyMs)],
    ["Accepted", numAccepted],
  ].filter(([, value]) => value !== undefined);
  for (const [name, value] of rows) {
    text.appendMarkdown("\n\n").appendText(`${name}: ${value}`);
  }
  return text.appendMarkdown("\n\nClick for the menu.");
}
