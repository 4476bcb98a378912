/** When the rest of a completion is asked for: once, at its end, by an editor that still wants it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Growth, type Place } from "../src/growth";
import type { CompletionReport, InlineCompletionProgress } from "../src/protocol";

const URI = "file:///a.py";
const PLACE: Place = { uri: URI, line: 3, character: 5 };

/** An editor whose cursor stands at PLACE until it is moved, and that counts. */
class Editor {
  isThere = true;
  numAsked = 0;
  readonly growth = new Growth(this);

  isAt(place: Place): boolean {
    assert.deepEqual(place, PLACE);
    return this.isThere;
  }

  ask(): void {
    this.numAsked += 1;
  }
}

function report(requestId: number, partial: boolean): CompletionReport {
  return { requestId, uri: URI, outcome: "completed", elapsedMs: 300, partial, model: "tiny", metrics: null };
}

function progress(requestId: number, text: string, more: Partial<InlineCompletionProgress> = {}) {
  return { requestId, uri: URI, position: { line: 3, character: 5 }, text, done: false, cancelled: false, ...more };
}

test("the end of a partial answer's text brings one request", () => {
  const editor = new Editor();
  editor.growth.progressed(progress(1, "one\ntw"));
  editor.growth.reported(report(1, true));
  editor.growth.progressed(progress(1, "one\ntwo"));
  editor.growth.progressed(progress(0, "", { done: true, cancelled: true }));
  assert.equal(editor.numAsked, 0);
  editor.growth.progressed(progress(1, "one\ntwo", { done: true }));
  editor.growth.progressed(progress(1, "one\ntwo", { done: true }));
  assert.equal(editor.numAsked, 1);
});

test("a whole answer needs no more", () => {
  const editor = new Editor();
  editor.growth.reported(report(1, false));
  editor.growth.progressed(progress(1, "one", { done: true }));
  assert.equal(editor.numAsked, 0);
});

test("nothing is asked for once the cursor has moved, the text was given up, or the user has dismissed it", () => {
  const ends: readonly ((editor: Editor) => void)[] = [
    (editor) => (editor.isThere = false),
    (editor) => editor.growth.progressed(progress(1, "", { done: true, cancelled: true })),
    (editor) => editor.growth.stop(),
  ];
  for (const end of ends) {
    const editor = new Editor();
    editor.growth.reported(report(1, true));
    end(editor);
    editor.growth.progressed(progress(1, "one\ntwo", { done: true }));
    assert.equal(editor.numAsked, 0);
  }
});
