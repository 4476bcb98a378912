-- What the keys do where Neovim draws ghost text itself (vim.lsp.inline_completion, Neovim 0.12).
-- It does not draw or ask: Neovim does both.

local accept = require("plt.accept")
local native_request = require("plt.native_request")
local remote = require("plt.remote")
local state = require("plt.state")
local status = require("plt.status")
local suggestion = require("plt.suggestion")

local M = {}

---@return boolean
function M.is_available()
  return vim.lsp.inline_completion ~= nil
end

---@param client vim.lsp.Client
function M.attach(client)
  native_request.watch(client)
  vim.lsp.inline_completion.enable(true, { client_id = client.id })
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

local function say(message)
  vim.api.nvim_echo({ { "plt: " .. message } }, false, {})
end

--- Shows another suggestion; where only the one of typing is known, the server is asked for all it has.
---@param step integer 1 or -1
---@return boolean
local function cycle(step)
  local client = status.client()
  if not client or native_request.has_all(client.id) then
    vim.lsp.inline_completion.select({ count = step })
    return true
  end
  return native_request.invoke(client.id, function(num_items)
    if num_items > 1 then
      vim.lsp.inline_completion.select({ count = step })
    else
      say("no other suggestion")
    end
  end)
end

---@return boolean
function M.next()
  return cycle(1)
end

---@return boolean
function M.previous()
  return cycle(-1)
end

--- Neovim drops what it shows before it hands it over, and nothing is done with it here.
function M.hide()
  vim.lsp.inline_completion.get({ on_accept = function() end })
end

---@return boolean
function M.dismiss()
  local buf = vim.api.nvim_get_current_buf()
  return vim.lsp.inline_completion.get({
    on_accept = function()
      remote.tell_dismissed(buf)
    end,
  })
end

---@return boolean
function M.trigger()
  return state.client_id ~= nil
    and native_request.invoke(state.client_id, function(num_items)
      if num_items == 0 then
        say("no suggestion here")
      end
    end)
end

return M
