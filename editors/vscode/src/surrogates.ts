/**
 * VS Code draws no ghost text whose range covers a character outside the basic plane, such as most emoji; so the range is
 * made to begin behind the last of them. Pure: it does not know where ranges and texts come from.
 */

const SURROGATE = /[\ud800-\udfff]/;

/** How many code units of the text before the cursor an item must leave alone; 0 where it may replace them all. */
export function lengthToKeep(replaced: string, insertText: string): number {
  if (!insertText.startsWith(replaced)) {
    return 0;
  }
  const last = [...replaced].findLastIndex((character) => SURROGATE.test(character));
  return [...replaced].slice(0, last + 1).join("").length;
}
