-- What the keys do where Neovim draws ghost text itself (vim.lsp.inline_completion, Neovim 0.12).
-- It does not draw or ask: Neovim does both, and offers no way to ask at once.

local accept = require("plt.accept")
local suggestion = require("plt.suggestion")

local M = {}

---@return boolean
function M.is_available()
  return vim.lsp.inline_completion ~= nil
end

---@param client_id integer
function M.attach(client_id)
  vim.lsp.inline_completion.enable(true, { client_id = client_id })
end

---@return boolean
function M.accept()
  return vim.lsp.inline_completion.get()
end

--- Accepts a part: the item is taken apart here, and nothing is left for Neovim to insert.
---@param piece fun(rest: string): string
---@return boolean
local function take(piece)
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local text = type(item.insert_text) == "table" and item.insert_text.value or item.insert_text
      local col = vim.api.nvim_win_get_cursor(0)[2]
      local rest = suggestion.continuation(vim.api.nvim_get_current_line():sub(1, col), text)
      local part = piece(rest)
      accept.insert(part)
      if part == rest then
        accept.run_command(item.command)
      end
      return nil
    end,
  })
end

---@return boolean
function M.accept_word()
  return take(suggestion.next_word)
end

---@return boolean
function M.accept_line()
  return take(suggestion.next_line)
end

---@return boolean
function M.next()
  vim.lsp.inline_completion.select({ count = 1 })
  return true
end

---@return boolean
function M.previous()
  vim.lsp.inline_completion.select({ count = -1 })
  return true
end

---@return boolean
function M.dismiss()
  local filter = { bufnr = vim.api.nvim_get_current_buf() }
  vim.lsp.inline_completion.enable(false, filter)
  vim.lsp.inline_completion.enable(true, filter)
  return false
end

---@return boolean
function M.trigger()
  return false
end

return M
