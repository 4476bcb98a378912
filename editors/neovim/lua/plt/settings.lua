-- The server's settings as types for editors. Written by `python -m plt_lsp.schema`; do not edit.

---@class plt.SettingsRefactor
---@field enable? boolean Offer refactorings as code actions, and rename names in Python files. Default: true.
---@field unproven? boolean Also offer what the model writes badly: kinds of refactoring of which, when it was measured, less than half came out valid. What it proposes is checked all the same, and often withdrawn. Default: false.
---@field latencyBudgetMs? integer A text that the model rewrites is to be whole after this time; nothing is left out of it for that. In milliseconds. Default: 20000.

---@class plt.SettingsInlineCompletion
---@field trigger? "automatic"|"manual" Offer completions while typing, or only when asked for one. Default: "automatic".
---@field maxTokens? integer The most tokens that one completion may have. In tokens. Default: 96.
---@field maxLines? integer The most lines that one completion may have. In lines. Default: 8.
---@field extent? "auto"|"line"|"block" Offer a line, a block, or what suits the place of the cursor. Default: "auto".
---@field alternatives? integer The most suggestions to choose from where one is asked for; while typing there is one. In suggestions. Default: 3.
---@field maxCharsAfterCursor? integer Nothing is offered while typing where more text than this follows on the line. In characters. Default: 80.
---@field latencyBudgetMs? integer While typing, the answer is given after this time with the lines that are complete by then, or with the first words in editors that can be told of the rest, which follows; 0 gives up nothing and waits for a complete line. Loops, and for a text that was not read yet also context, are chosen so that it is kept. Loading the model does not count. In milliseconds. Default: 300.
---@field invokedLatencyBudgetMs? integer Where you ask for a suggestion, the first one has no more tokens than this time allows, but at least 16. In milliseconds. Default: 10000.
---@field deadlineMs? integer A completion is cut short after this time; loading the model does not count. In milliseconds. Default: 5000.

---@class plt.SettingsIndex
---@field enable? boolean Keep an index of what the source files of a workspace folder define, in this machine's cache folder, by a process of its own with low priority, so that the model is shown what is defined in other files. Files that `.gitignore` or `.pltignore` name stay outside. Default: true.
---@field maxFiles? integer The most source files of a workspace folder; of more, those nested deepest are left out. In files. Default: 50000.
---@field maxFileKb? integer Larger source files are left out. In kilobytes. Default: 512.
---@field maxMemoryMb? integer The most memory that the index's process may have. In megabytes. Default: 512.

---@class plt.SettingsExplain
---@field latencyBudgetMs? integer The first word of an explanation is to be there after this time: where reading takes longer, fewer loops are run, then the model is shown a shortened form of long code, and the explanation says so. 0 shows it all. In milliseconds. Default: 1000.

---@class plt.SettingsEngine
---@field maxContextTokens? integer The longest prompt and completion together. In tokens. Default: 8192.
---@field threads? integer|vim.NIL CPU threads of the engine process. In threads. Null: the engine's choice. Default: null.
---@field device? "auto"|"cpu"|"cuda" Where the model runs; auto takes a GPU where there is one. Default: "auto".
---@field maxMemoryMb? integer|vim.NIL The most memory that the model may take with all it needs, on its device. What is left over is for the texts it has read already; a model that does not fit is refused with what would. In megabytes. Null: no cap. Default: null.
---@field foresight? boolean Have the model work ahead: while you pause it reads the text around the cursor, and after you accept a suggestion it begins the next one. Default: true.
---@field share? boolean Use one engine process for all windows that run the same model with the same options: the weights are held in memory once. It leaves a minute after the last window. Default: true.

---@class plt.SettingsContext
---@field maxPrefixChars? integer The most text before the cursor. In characters. Default: 4000.
---@field maxSuffixChars? integer The most text after the cursor. In characters. Default: 1000.
---@field maxChunkChars? integer The most text of other files of the workspace: definitions of what is used, pieces like the lines around the cursor, what was edited lately. 0 for none. In characters. Default: 1500.

---@class plt.Settings
---@field enable? boolean Offer anything at all. Default: true.
---@field model? string The model pack: a name from `plt-lsp models list`, or the path of a pack's folder. A path is read from the editor's initialization options only, which a workspace cannot change. Default: "plt-coder-115m".
---@field loops? "auto"|integer The loop count R, for which the pack must have evidence. With `auto` each request gets the best count that fits into its latency budget. Default: "auto".
---@field disabledLanguages? string[] Languages without completions, by the editor's language ids, for example `markdown`. Default: [].
---@field excludedFiles? string[] Files without completions, as globs: of the file's name, or, with a slash, of its path in the workspace folder; `**` goes through folders. Default: [".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.keystore", "id_rsa*", "id_ed25519*", ".netrc", ".npmrc", ".pypirc", "credentials", "secrets.*"].
---@field maxFileChars? integer Nothing is offered in larger files, which are seldom written by hand. In characters. Default: 1000000.
---@field statistics? boolean Keep counts of what is offered and accepted, by language and loop count, for `plt-lsp stats`. Nothing but numbers is stored, and nothing leaves this machine. Default: true.
---@field logLevel? "error"|"warning"|"info"|"debug" How much is written to the log. Default: "info".
---@field context? plt.SettingsContext
---@field engine? plt.SettingsEngine
---@field explain? plt.SettingsExplain
---@field index? plt.SettingsIndex
---@field inlineCompletion? plt.SettingsInlineCompletion
---@field refactor? plt.SettingsRefactor

return {}
