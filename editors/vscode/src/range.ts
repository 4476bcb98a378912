/** A selection as the protocol's range; it does not know the editor. */

interface Place {
  readonly line: number;
  readonly character: number;
}

export interface LspRange {
  readonly start: Place;
  readonly end: Place;
}

/** The plain numbers of a range, without whatever else an editor's own objects carry. */
export function rangeOf({ start, end }: LspRange): LspRange {
  return { start: placeOf(start), end: placeOf(end) };
}

function placeOf({ line, character }: Place): Place {
  return { line, character };
}
