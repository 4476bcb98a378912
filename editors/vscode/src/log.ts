/** Gives each line of the server's standard error its own level in the log; it does not know where lines go. */

export type Level = "error" | "warn" | "info" | "debug";

export interface Line {
  readonly level: Level;
  readonly text: string;
}

const LEVELS: Readonly<Record<string, Level>> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
  CRITICAL: "error",
};

/** The server writes `date time LEVEL name: message`; the log has a date of its own. */
const FORMAT = /^\S+ \S+ (DEBUG|INFO|WARNING|ERROR|CRITICAL) (.*)$/;

/** A line without a level of its own, such as a traceback's, has that of the line before it. */
export function parseLine(raw: string, before: Level): Line {
  const found = FORMAT.exec(raw);
  return found === null ? { level: before, text: raw } : { level: LEVELS[found[1]!] ?? before, text: found[2]! };
}
