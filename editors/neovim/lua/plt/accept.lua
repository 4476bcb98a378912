-- Puts a suggestion, or a part of it, into the buffer as one step of undo, and runs the command it came with.
-- It does not know keys.

local ghost = require("plt.ghost")
local rpc = require("plt.rpc")
local status = require("plt.status")
local suggestion = require("plt.suggestion")

local M = {}

--- Inserts a text at the cursor, with an undo step of its own, and leaves the cursor behind it.
---@param text string
function M.insert(text)
  local lines = vim.split(text, "\n", { plain = true })
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  vim.go.undolevels = vim.go.undolevels -- setting it ends the undo step that typing has begun
  vim.api.nvim_buf_set_text(0, row - 1, col, row - 1, col, lines)
  local last_col = #lines == 1 and col + #text or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines - 1, last_col })
  vim.go.undolevels = vim.go.undolevels
end

--- Has the server run an item's command, by which it learns that the item was accepted.
---@param command table? lsp.Command
function M.run_command(command)
  local client = status.client()
  if command and client then
    rpc.execute(client, command.command, command.arguments)
  end
end

---@param piece fun(rest: string): string what of the rest to take
---@return boolean whether something was on the screen to be taken
local function accept(piece)
  local shown = ghost.shown()
  if not shown then
    return false
  end
  local text = piece(shown.rest)
  M.insert(text)
  if text == shown.rest then
    ghost.clear()
    M.run_command(shown.suggestion.command)
  else
    ghost.refresh()
  end
  return true
end

---@return boolean
function M.all()
  return accept(function(rest)
    return rest
  end)
end

---@return boolean
function M.word()
  return accept(suggestion.next_word)
end

---@return boolean
function M.line()
  return accept(suggestion.next_line)
end

return M
