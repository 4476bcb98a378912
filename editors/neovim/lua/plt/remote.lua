-- What the user asks of the server or tells it, beside suggestions: a snooze, a loop count, its context, and so on.
-- It does not know how any of it is shown.

local rpc = require("plt.rpc")
local status = require("plt.status")

local M = {}

local NOT_RUNNING = "the server is not running: open a file with a file type, or try `:Plt restart`."
local NOT_SERVED = "the server does not see this buffer; it is for files with a name and a file type."

local function complain(message)
  vim.notify("plt: " .. message, vim.log.levels.ERROR)
end

---@param command string
---@param arguments any[]
---@param on_result fun(result: any)?
local function execute(command, arguments, on_result)
  local client = status.client()
  if not client or not client.initialized then
    complain(NOT_RUNNING)
    return
  end
  rpc.execute(client, command, arguments, function(err, result)
    vim.schedule(function()
      if err then
        complain(err.message)
      elseif on_result then
        on_result(result)
      end
    end)
  end)
end

---@param on_lines fun(lines: string[])
local function with_lines(on_lines)
  return function(result)
    on_lines(vim.split(vim.trim(result.text), "\n", { plain = true }))
  end
end

--- Has the server offer nothing by itself for so long; 0 ends that. How long it lasts the server's status says.
---@param minutes number
function M.snooze_for(minutes)
  execute("plt.snoozeFor", { minutes })
end

--- Asks for what the model would be shown at the cursor.
---@param on_lines fun(lines: string[])
function M.context(on_lines)
  local client, buf = status.client(), vim.api.nvim_get_current_buf()
  if client and not vim.lsp.buf_is_attached(buf, client.id) then
    complain(NOT_SERVED)
    return
  end
  local params = vim.lsp.util.make_position_params(0, client and client.offset_encoding or "utf-16")
  execute("plt.showContext", { params.textDocument.uri, params.position }, with_lines(on_lines))
end

--- The URI of the current buffer and the range of some of its lines, or, without them, the cursor's place; nothing where
--- the server does not see it.
---@param rows plt.Rows?
---@return string? uri
---@return lsp.Range? range
local function place_of(rows)
  local client, buf = status.client(), vim.api.nvim_get_current_buf()
  if client and not vim.lsp.buf_is_attached(buf, client.id) then
    complain(NOT_SERVED)
    return nil
  end
  local uri = vim.lsp.util.make_text_document_params(buf).uri
  local first = rows and rows.first - 1 or vim.api.nvim_win_get_cursor(0)[1] - 1
  local last = rows and rows.last or first
  return uri, { start = { line = first, character = 0 }, ["end"] = { line = last, character = 0 } }
end

--- Has some lines of the current buffer explained, or, without them, what the cursor is in.
---@param rows plt.Rows?
---@param on_result fun(result: plt.Explanation)
function M.explain(rows, on_result)
  local uri, range = place_of(rows)
  if uri then
    execute("plt.explainSelection", { uri, range }, on_result)
  end
end

--- Has some lines of the current buffer refactored, or, without them, what the cursor is in.
---@param instruction string what is to be done, or a refactoring's name
---@param rows plt.Rows?
function M.refactor(instruction, rows)
  local uri, range = place_of(rows)
  if uri then
    execute("plt.refactorSelection", { uri, range, instruction })
  end
end

--- Ends the refactoring that is being written, if one is.
function M.cancel_refactoring()
  local client = status.client()
  if client then
    rpc.execute(client, "plt.cancelRefactoring", {})
  end
end

--- Ends the explanation that grows, if one does.
function M.cancel_explanation()
  local client = status.client()
  if client then
    rpc.execute(client, "plt.cancelExplanation", {})
  end
end

--- Asks for what was shown and accepted so far.
---@param on_lines fun(lines: string[])
function M.statistics(on_lines)
  execute("plt.showStatistics", {}, with_lines(on_lines))
end

--- Has the server run so many loops from the next request on, and answer with the choices; nil just asks.
---@param count integer|"auto"|nil
---@param on_result fun(result: table)
function M.loops(count, on_result)
  execute("plt.switchLoopCount", { count }, on_result)
end

--- Gives the server so many milliseconds for the first words while typing, from the next request on; nil just asks.
---@param ms number?
---@param on_result fun(result: table)
function M.budget(ms, on_result)
  execute("plt.switchLatencyBudget", ms and { "typing", ms } or {}, on_result)
end

--- Tells the server that what is shown in a buffer is not wanted, so that it is not offered there again.
---@param buf integer
function M.tell_dismissed(buf)
  local client = status.client()
  if client then
    local params = { textDocument = vim.lsp.util.make_text_document_params(buf) }
    rpc.notify(client, "plt/didDismissCompletion", params)
  end
end

return M
