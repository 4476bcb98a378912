-- What the keys do while the plugin draws ghost text itself; each says whether it had something to do.
-- It does not know keys.

local accept = require("plt.accept")
local ghost = require("plt.ghost")
local remote = require("plt.remote")
local request = require("plt.request")

local M = {}

local function say(message)
  vim.api.nvim_echo({ { "plt: " .. message } }, false, {})
end

--- Whether the next stop of a snippet is what the user's key is meant for.
local function is_in_snippet()
  return vim.snippet ~= nil and vim.snippet.active({ direction = 1 })
end

---@return boolean
function M.accept()
  return not is_in_snippet() and accept.all()
end

M.accept_word = accept.word
M.accept_line = accept.line

--- Shows another suggestion; where only one is known, the server is asked for all it has.
---@param step integer 1 or -1
---@return boolean
local function cycle(step)
  local shown = ghost.shown()
  if not shown then
    return false
  end
  if ghost.cycle(step) then
    return true
  elseif shown.ghost.invoked then
    say("no other suggestion")
    return true
  end
  return request.invoke(function()
    local now = ghost.shown()
    if now and now.rest == shown.rest and not ghost.cycle(step) then
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

--- Drops what is shown and what is on its way, without a word on whether it was wanted.
function M.hide()
  ghost.clear()
  request.cancel()
end

---@return boolean
function M.dismiss()
  local shown = ghost.shown()
  M.hide()
  if shown then
    remote.tell_dismissed(shown.ghost.buf)
  end
  return shown ~= nil
end

---@return boolean
function M.trigger()
  return request.invoke(function(is_shown)
    if not is_shown then
      say("no suggestion here")
    end
  end)
end

return M
