-- Asks the server for suggestions: after a pause in typing, or at once when the user wants one.
-- It does not know whether a completion is worth asking for; the server decides that and stops what is out of date.

local ghost = require("plt.ghost")
local menu = require("plt.menu")
local rpc = require("plt.rpc")
local state = require("plt.state")
local status = require("plt.status")
local suggestion = require("plt.suggestion")

local M = {}

local METHOD = "textDocument/inlineCompletion"
local INVOKED, AUTOMATIC = 1, 2

---@class plt.Request
---@field client_id integer? the client that was asked; nil while the pause in typing lasts
---@field id integer?
---@field tick integer? changedtick of the buffer when it was sent
---@field row integer? 0-based, of the cursor when it was sent
---@field col integer? byte offset

--- Forgets the request and what it may still bring, and tells the server so where it was already sent.
function M.cancel()
  local request = state.request
  state.request, state.asked = nil, nil
  local client = request and request.id and vim.lsp.get_client_by_id(request.client_id)
  if client then
    rpc.notify(client, "$/cancelRequest", { id = request.id })
    status.changed()
  end
end

--- Forgets the request without a word: the server hears of the edit that made it old.
function M.drop()
  state.request = nil
end

---@class plt.Asked
---@field buf integer
---@field tick integer changedtick of the buffer
---@field row integer 0-based, of the cursor
---@field col integer byte offset
---@field line string the cursor's line
---@field encoding "utf-8"|"utf-16"|"utf-32" of the client's positions
---@field kind integer the protocol's InlineCompletionTriggerKind
---@field id integer? of the request
---@field is_growing boolean? whether the server has told of a text that it still writes

---@param result table? InlineCompletionList, a list of items, or null where the old ones are to stay
---@param asked plt.Asked
---@return boolean whether a suggestion is shown
local function take(result, asked)
  if not result or vim.b[asked.buf].changedtick ~= asked.tick then
    return state.ghost ~= nil
  end
  local suggestions = {}
  for _, item in ipairs(result.items or result) do
    table.insert(suggestions, suggestion.from_item(item, asked.row, asked.line, asked.col, asked.encoding))
  end
  return ghost.set(asked.buf, suggestions, asked.kind == INVOKED)
end

---@param client vim.lsp.Client
---@param buf integer
---@param kind integer
---@param on_done fun(is_shown: boolean)?
local function send(client, buf, kind, on_done)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local asked = {
    buf = buf,
    tick = vim.b[buf].changedtick,
    row = row - 1,
    col = col,
    line = vim.api.nvim_get_current_line(),
    encoding = client.offset_encoding,
    kind = kind,
  }
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = kind }
  local request = { client_id = client.id, tick = asked.tick, row = asked.row, col = asked.col }
  state.request = request
  local ok, id = rpc.request(client, METHOD, params, function(err, result)
    if state.request ~= request then
      return
    end
    state.request = nil
    local is_shown = not err and take(result, asked)
    status.changed()
    if on_done then
      on_done(is_shown)
    end
  end, buf)
  request.id = ok and id or nil
  asked.id = request.id
  state.asked = asked
  status.changed()
end

---@param buf integer
---@return vim.lsp.Client? client that may be asked
local function client_for(buf)
  local client = state.client_id and vim.lsp.get_client_by_id(state.client_id)
  return client and client.initialized and vim.lsp.buf_is_attached(buf, client.id) and client or nil
end

--- Whether suggestions may be asked for without the user's wish.
local function is_automatic_on()
  return state.enabled and not (state.config.hide_with_menu and menu.is_visible())
end

--- Asks once the user has paused; each call starts the pause anew.
---@param buf integer
function M.schedule(buf)
  local request = {}
  state.request = request
  vim.defer_fn(function()
    if state.request ~= request then
      return
    end
    state.request = nil
    local is_inserting = vim.api.nvim_get_mode().mode:sub(1, 1) == "i"
    local client = client_for(buf)
    if client and is_inserting and vim.api.nvim_get_current_buf() == buf and is_automatic_on() then
      send(client, buf, AUTOMATIC)
    end
  end, state.config.debounce_ms)
end

--- Asks at once, whatever the settings say about asking by itself.
---@param on_done fun(is_shown: boolean)? called when the answer is there
---@return boolean whether there was a server to ask
function M.invoke(on_done)
  local buf = vim.api.nvim_get_current_buf()
  local client = client_for(buf)
  if not client then
    return false
  end
  M.cancel()
  send(client, buf, INVOKED, on_done)
  return true
end

return M
