/** What a preview of a refactoring shows, and which news of which refactoring opens, changes and closes it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Place, type RefactoringProgress, editsOf, stepFor, withEdits } from "../src/preview";

const TEXT = "one\ntwo\nthree\n";
const PROGRESS: RefactoringProgress = {
  id: 2,
  uri: "file:///a.py",
  version: 1,
  range: { start: { line: 1, character: 0 }, end: { line: 2, character: 0 } },
  title: "Simplify",
  text: "2\n",
  done: false,
  cancelled: false,
  refusal: null,
  edit: null,
};

function offsetOf({ line, character }: Place): number {
  return TEXT.split("\n")
    .slice(0, line)
    .reduce((sum, one) => sum + one.length + 1, character);
}

function edit(line: number, from: number, to: number, newText: string) {
  return { range: { start: { line, character: from }, end: { line, character: to } }, newText };
}

test("before there is an edit the range holds what is written so far", () => {
  assert.equal(withEdits(TEXT, editsOf(PROGRESS), offsetOf), "one\n2\nthree\n");
});

test("the edit is shown as it is, whatever was written before, and in any order", () => {
  const edits = [edit(2, 0, 5, "THREE"), edit(0, 3, 3, "!")];
  const documentChanges = [
    { textDocument: { uri: "file:///a.py", version: 1 }, edits },
    { textDocument: { uri: "file:///b.py", version: 1 }, edits: [edit(0, 0, 0, "no")] },
  ];
  const done = { ...PROGRESS, done: true, edit: { documentChanges } };
  assert.equal(withEdits(TEXT, editsOf(done), offsetOf), "one!\ntwo\nTHREE\n");
});

test("a newer one takes the place of an older one, and the older one's late news does nothing", () => {
  assert.equal(stepFor(PROGRESS, undefined), "open");
  assert.equal(stepFor(PROGRESS, { id: 1, isShown: true }), "open");
  assert.equal(stepFor(PROGRESS, { id: 1, isShown: false }), "open");
  assert.equal(stepFor(PROGRESS, { id: 2, isShown: true }), "update");
  assert.equal(stepFor(PROGRESS, { id: 3, isShown: true }), "nothing");
});

test("a refusal is told and an end closes, but not of what the user has discarded", () => {
  const refused = { ...PROGRESS, done: true, refusal: "The model proposed nothing." };
  const cancelled = { ...PROGRESS, done: true, cancelled: true };
  assert.equal(stepFor(refused, { id: 2, isShown: true }), "refuse");
  assert.equal(stepFor(refused, undefined), "refuse");
  assert.equal(stepFor(cancelled, { id: 2, isShown: true }), "close");
  for (const late of [PROGRESS, refused, cancelled]) {
    assert.equal(stepFor(late, { id: 2, isShown: false }), "nothing");
  }
});
