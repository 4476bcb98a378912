/** Has the editor show the rest of a growing completion, and hides one that is not wanted; what has grown it is told. */

import { Uri, commands, window } from "vscode";
import { type Asker, Growth, type Place } from "./growth";

export class GhostText implements Asker {
  readonly growth = new Growth(this);
  private asksForMore = false;

  isAt({ uri, line, character }: Place): boolean {
    const editor = window.activeTextEditor;
    const cursor = editor?.selection.active;
    const isSameFile = editor?.document.uri.toString() === Uri.parse(uri).toString();
    return isSameFile && cursor?.line === line && cursor.character === character;
  }

  /** VS Code asks nobody again for a place where it shows an answer, and keeps that; so it is hidden for a moment. */
  ask(): void {
    this.asksForMore = true;
    void commands.executeCommand("editor.action.inlineSuggest.hide");
    void commands.executeCommand("editor.action.inlineSuggest.trigger", { explicit: false });
  }

  /** Whether the next request is the one that `ask` has brought. */
  takeAsked(): boolean {
    const asked = this.asksForMore;
    this.asksForMore = false;
    return asked;
  }

  /** Hides what is shown, and leaves it hidden. */
  async dismiss(): Promise<void> {
    this.growth.stop();
    await commands.executeCommand("editor.action.inlineSuggest.hide");
  }
}
