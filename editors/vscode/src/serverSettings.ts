/** Which of the section `plt` the server is told, and by which way; it does not know what the settings mean. */

import { CAPABILITIES } from "./protocol";

export type Section = Readonly<Record<string, unknown>>;

/** Settings of this extension alone: where the server is and how it is installed. */
const OWN_KEY = "server";

/**
 * The answer to workspace/configuration. A model given by its path is left out: the server takes a path only from the
 * initialization options, which no workspace can write.
 */
export function configurationAnswer(section: Section): Section {
  return Object.fromEntries(
    Object.entries(section).filter(([key, value]) => key !== OWN_KEY && !(key === "model" && isPath(value))),
  );
}

/** The initialization options; where they change, the server must be started anew. */
export function initializationOptions(section: Section): { readonly plt: Section } {
  const model = section["model"];
  return { plt: { ...(isPath(model) ? { model } : {}), capabilities: CAPABILITIES } };
}

export function isPath(model: unknown): boolean {
  return typeof model === "string" && (/[/\\]/.test(model) || /^[.~]/.test(model));
}
