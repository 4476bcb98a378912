-- Finds the server's command line: the `cmd` option, then `plt-lsp` on PATH.
-- It does not start anything.

local M = {}

M.NAME = "plt-lsp"

local REMEDY = "Install it with `pip install plt-lsp` (best in an environment of its own, as pipx does), or give its "
  .. 'place: require("plt").setup({ cmd = { "/path/to/plt-lsp", "serve" } })'

--- The words that start the server, or nil and a message that says what to do.
---@param config plt.Config
---@return string[]? cmd
---@return string? problem
function M.command(config)
  local cmd = config.cmd or { M.NAME, "serve" }
  if vim.fn.executable(cmd[1]) == 1 then
    return cmd
  end
  local where = config.cmd and "the option `cmd`" or "PATH"
  return nil, ("The server %q was not found (looked at: %s). %s"):format(cmd[1], where, REMEDY)
end

--- The words that run another of the server's commands, for example `doctor`.
---@param cmd string[] the words that start the server
---@param ... string the other command
---@return string[]
function M.sibling(cmd, ...)
  local words = {}
  for _, word in ipairs(cmd) do
    if word == "serve" then
      break
    end
    table.insert(words, word)
  end
  return vim.list_extend(words, { ... })
end

return M
