-- What users give to `setup`: the defaults, and one clear message for each value that cannot be used.
-- It does not know the server's own settings, which the server checks itself.

local M = {}

---@class plt.Keys
---@field accept string|false
---@field accept_word string|false
---@field accept_line string|false
---@field next string|false
---@field previous string|false
---@field dismiss string|false
---@field trigger string|false

---@class plt.Config
---@field cmd string[]? the server's command line; nil finds `plt-lsp` on PATH
---@field filetypes string[]? the file types that the server sees; nil for every one
---@field root_markers string[] a file or folder that marks the root of a project
---@field debounce_ms integer the pause in typing before a suggestion is asked for, in milliseconds
---@field hide_with_menu boolean whether ghost text is hidden while a completion menu is open
---@field stream boolean whether a suggestion is shown while it is still being written
---@field renderer "auto"|"plt"|"native" who draws: the plugin, Neovim 0.12 itself, or Neovim where it can
---@field keys plt.Keys|false Insert mode keys; false for none at all
---@field settings plt.Settings the server's settings, `:help plt-settings`
---@field capabilities table? merged into the capabilities that the client announces

---@return plt.Config
function M.defaults()
  return {
    cmd = nil,
    filetypes = nil,
    root_markers = { ".git", "pyproject.toml", "package.json", "Cargo.toml", "go.mod", "Makefile" },
    debounce_ms = 40,
    hide_with_menu = true,
    stream = true,
    renderer = "auto",
    keys = {
      accept = "<Tab>",
      accept_word = "<M-f>",
      accept_line = "<M-e>",
      next = "<M-n>",
      previous = "<M-p>",
      dismiss = "<C-]>",
      trigger = "<M-\\>",
    },
    settings = {},
    capabilities = nil,
  }
end

local function is_list_of_strings(value)
  return vim.islist(value) and vim.iter(value):all(function(item)
    return type(item) == "string"
  end)
end

local function is_key(value)
  return value == false or (type(value) == "string" and value ~= "")
end

---@class plt.Rule
---@field fits fun(value: any): boolean
---@field words string what the value must be

---@return table<string, plt.Rule>
local function rules()
  local list = { fits = is_list_of_strings, words = "a list of strings" }
  local flag = {
    fits = function(value)
      return type(value) == "boolean"
    end,
    words = "true or false",
  }
  local command = {
    fits = function(value)
      return is_list_of_strings(value) and #value > 0
    end,
    words = 'a list of words, for example { "plt-lsp", "serve" }',
  }
  return {
    cmd = command,
    filetypes = list,
    root_markers = list,
    debounce_ms = {
      fits = function(value)
        return type(value) == "number" and value >= 0 and value <= 10000
      end,
      words = "a number of milliseconds from 0 to 10000",
    },
    hide_with_menu = flag,
    stream = flag,
    renderer = {
      fits = function(value)
        return value == "auto" or value == "plt" or value == "native"
      end,
      words = '"auto", "plt" or "native"',
    },
    keys = {
      fits = function(value)
        return value == false or type(value) == "table"
      end,
      words = "a table of keys, or false for none",
    },
    settings = {
      fits = function(value)
        return type(value) == "table"
      end,
      words = "a table of the server's settings",
    },
    capabilities = {
      fits = function(value)
        return type(value) == "table"
      end,
      words = "a table of client capabilities",
    },
  }
end

--- Checks one level of options; what does not fit is left out, so that its default holds.
---@param given table
---@param known table<string, plt.Rule>
---@param path string
---@param problems string[]
---@return table
local function checked(given, known, path, problems)
  local kept = {}
  for name, value in pairs(given) do
    local rule = known[name]
    if not rule then
      table.insert(problems, ("%s%s is no option; `:help plt-setup` lists them."):format(path, name))
    elseif not rule.fits(value) then
      local message = "%s%s = %s must be %s; the default holds."
      table.insert(problems, message:format(path, name, vim.inspect(value), rule.words))
    else
      kept[name] = value
    end
  end
  return kept
end

--- The options over the defaults, and a message for each that cannot be used.
---@param given table?
---@return plt.Config config
---@return string[] problems
function M.resolve(given)
  local defaults, problems = M.defaults(), {}
  local kept = checked(given or {}, rules(), "", problems)
  if type(kept.keys) == "table" then
    local key = { fits = is_key, words = "a key, or false for none" }
    local known = vim.tbl_map(function()
      return key
    end, defaults.keys)
    kept.keys = checked(kept.keys, known, "keys.", problems)
  end
  table.sort(problems)
  local config = vim.tbl_extend("force", defaults, kept)
  if type(config.keys) == "table" then
    config.keys = vim.tbl_extend("force", defaults.keys, config.keys)
  end
  return config, problems
end

return M
