/** Switching completions on and off for the language of the active editor, through the setting plt.disabledLanguages. */

import { window } from "vscode";
import { disabledLanguages, write } from "./config";

export function activeLanguage(): string | undefined {
  return window.activeTextEditor?.document.languageId;
}

/** The active editor's language, where completions are off for it. */
export function activeLanguageOff(): string | undefined {
  const language = activeLanguage();
  return language !== undefined && disabledLanguages().includes(language) ? language : undefined;
}

export async function toggleLanguage(): Promise<void> {
  const language = activeLanguage();
  if (language === undefined) {
    void window.showInformationMessage("Open a file first: its language is what is switched on or off.");
    return;
  }
  const off = disabledLanguages();
  const others = off.filter((name) => name !== language);
  await write("disabledLanguages", off.includes(language) ? others : [...off, language]);
}
