/** What a refactoring would make of a text, and what is to be done about each piece of news of it; it does not know the editor. */

import type { LspRange } from "./range";

export interface Place {
  readonly line: number;
  readonly character: number;
}

export interface TextEdit {
  readonly range: LspRange;
  readonly newText: string;
}

/** `plt/refactoringProgress`: one that the model writes, so far. */
export interface RefactoringProgress {
  readonly id: number;
  readonly uri: string;
  /** Of the text that it belongs to. */
  readonly version: number;
  readonly range: LspRange;
  readonly title: string;
  /** What takes the range's place, as far as it is written. */
  readonly text: string;
  readonly done: boolean;
  readonly cancelled: boolean;
  /** Why nothing is proposed, in words. */
  readonly refusal: string | null;
  /** What does it, once it has passed every check. */
  readonly edit: WorkspaceEdit | null;
}

/** The part of the protocol's WorkspaceEdit that the server sends. */
export interface WorkspaceEdit {
  readonly documentChanges?: readonly {
    readonly textDocument: { readonly uri: string; readonly version: number | null };
    readonly edits: readonly TextEdit[];
  }[];
}

export type Step = "open" | "update" | "refuse" | "close" | "nothing";

/** The newest refactoring so far, and whether it is still on the screen. */
export interface Seen {
  readonly id: number;
  readonly isShown: boolean;
}

/** What to do about a piece of news; what the user has discarded does not come back. */
export function stepFor(progress: RefactoringProgress, seen: Seen | undefined): Step {
  const isKnown = progress.id === seen?.id;
  if ((seen !== undefined && progress.id < seen.id) || (isKnown && !seen.isShown)) {
    return "nothing";
  }
  if (progress.refusal !== null) {
    return "refuse";
  }
  if (progress.cancelled) {
    return "close";
  }
  return isKnown ? "update" : "open";
}

/** The changes of the document so far: the edit, or, before there is one, the range with what is written of it. */
export function editsOf({ uri, range, text, edit }: RefactoringProgress): readonly TextEdit[] {
  const changes = edit?.documentChanges?.filter(({ textDocument }) => textDocument.uri === uri);
  return changes === undefined ? [{ range, newText: text }] : changes.flatMap(({ edits }) => edits);
}

/** A text with edits made, of which none touches another. */
export function withEdits(text: string, edits: readonly TextEdit[], offsetOf: (place: Place) => number): string {
  const ordered = edits
    .map(({ range, newText }) => ({ start: offsetOf(range.start), end: offsetOf(range.end), newText }))
    .sort((one, other) => one.start - other.start);
  let result = "";
  let at = 0;
  for (const { start, end, newText } of ordered) {
    result += text.slice(at, start) + newText;
    at = end;
  }
  return result + text.slice(at);
}
