-- Neovim's events, and what follows from each: suggestions are asked for, kept or dropped.
-- It does not know the protocol or how anything is drawn.

local client = require("plt.client")
local ghost = require("plt.ghost")
local growth = require("plt.growth")
local menu = require("plt.menu")
local request = require("plt.request")
local state = require("plt.state")

local M = {}

local function on_text_changed(buf)
  if not ghost.refresh() or growth.is_going_on() then
    request.schedule(buf)
  end
end

local function on_cursor_moved()
  ghost.refresh()
  local sent = state.request
  if not sent or not sent.row then
    return
  end
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local has_moved = row - 1 ~= sent.row or col ~= sent.col
  if has_moved and sent.tick == vim.b.changedtick then
    request.cancel()
  end
end

local function on_leave()
  ghost.clear()
  request.cancel()
end

--- Follows every change of a buffer's lines, whoever makes it.
---@param buf integer
function M.watch(buf)
  if state.watched[buf] then
    return
  end
  state.watched[buf] = vim.api.nvim_buf_attach(buf, false, {
    on_lines = function(_, changed, _, first, last, new_last)
      ghost.follow(changed, first, last, new_last)
    end,
    on_reload = function()
      ghost.clear()
    end,
    on_detach = function(_, gone)
      state.watched[gone] = nil
    end,
  })
end

---@param group integer
---@param events string[]
---@param handler fun(buf: integer)
---@param desc string
local function on(group, events, handler, desc)
  vim.api.nvim_create_autocmd(events, {
    group = group,
    desc = "plt: " .. desc,
    callback = function(event)
      if state.buffers[event.buf] then
        handler(event.buf)
      end
    end,
  })
end

--- Has buffers attached as they get their file type or their name.
---@param group integer
function M.attach_buffers(group)
  vim.api.nvim_create_autocmd({ "FileType", "BufFilePost" }, {
    group = group,
    desc = "plt: attach the buffer",
    callback = function(event)
      client.attach(event.buf)
    end,
  })
  vim.api.nvim_create_autocmd({ "BufDelete", "BufWipeout" }, {
    group = group,
    desc = "plt: forget the buffer",
    callback = function(event)
      state.buffers[event.buf] = nil
    end,
  })
end

--- Has the plugin's own ghost text follow what the user does.
---@param group integer
function M.follow_typing(group)
  on(group, { "TextChangedI", "TextChangedP", "InsertEnter" }, on_text_changed, "ask for a suggestion")
  on(group, { "CursorMovedI" }, on_cursor_moved, "drop what is not at the cursor")
  on(group, { "InsertLeave", "BufLeave" }, on_leave, "drop the suggestion")
  on(group, { "VimResized", "WinResized" }, ghost.refresh, "fit the suggestion to its window")
  menu.watch(group, function()
    local buf = vim.api.nvim_get_current_buf()
    if state.buffers[buf] then
      on_text_changed(buf)
    end
  end)
end

return M
