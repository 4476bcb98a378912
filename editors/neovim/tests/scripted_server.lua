-- A server inside Neovim for tests of the plugin: it answers with the items whose texts a test has given.
-- It knows just enough of the protocol to be attached, and keeps every message that it receives.

local M = {
  texts = {}, ---@type string[] what to suggest, each from the beginning of the line; vim.NIL for a null answer
  command = nil, ---@type string? the command of each item
  holds_back = false, ---@type boolean whether answers wait for `release`
  received = {}, ---@type table[] { method, params }
  waiting = {},
  last_id = 0, ---@type integer of the last request for a completion
  notify = nil, ---@type fun(method: string, params: table) sends a notification to Neovim
}

local CAPABILITIES = {
  positionEncoding = "utf-16",
  textDocumentSync = { openClose = true, change = 2 },
  inlineCompletionProvider = true,
  executeCommandProvider = {
    commands = {
      "plt.accepted",
      "plt.snoozeFor",
      "plt.showContext",
      "plt.showStatistics",
      "plt.switchLoopCount",
      "plt.switchLatencyBudget",
    },
  },
}

--- The fields of plt/didChangeStatus.
function M.status(kind, reason, message)
  return {
    kind = kind,
    reason = reason,
    message = message or "",
    version = "0",
    model = "scripted",
    counts = {},
    loops = "auto",
    budgetsMs = { typing = 300 },
    engine = { pid = 1, numStarts = 1, info = { pack = "scripted", loops = { 1, 2 }, defaultLoops = 1 } },
    decision = { loops = 2, text = "the best loop count fits" },
  }
end

local function items_at(position)
  return vim.tbl_map(function(text)
    return {
      insertText = text,
      range = { start = { line = position.line, character = 0 }, ["end"] = position },
      command = M.command and { title = "", command = M.command, arguments = { text } } or nil,
    }
  end, M.texts)
end

--- What the commands answer that answer something.
local COMMANDS = {
  ["plt.snoozeFor"] = function(minutes)
    local is_snoozed = minutes > 0
    local told = is_snoozed and M.status("Inactive", "snoozed", "Snoozed until 14:05.") or M.status("Normal")
    M.notify("plt/didChangeStatus", told)
    return { ["until"] = is_snoozed and "14:05" or vim.NIL }
  end,
  ["plt.showContext"] = function(uri, position)
    return { text = ("%s:%d:%d\nthe prompt\n"):format(vim.fs.basename(uri), position.line, position.character) }
  end,
  ["plt.switchLoopCount"] = function(count)
    return { text = ("Loop count: %s\nR = 1: slow\n"):format(count or "auto") }
  end,
  ["plt.switchLatencyBudget"] = function(kind, ms)
    return { text = ("%s: %d ms\n"):format(kind or "typing", ms or 300) }
  end,
  ["plt.showStatistics"] = function()
    return { text = "python  7" }
  end,
}

local function answer(method, params)
  if method == "initialize" then
    return { capabilities = CAPABILITIES }
  elseif method == "textDocument/inlineCompletion" then
    return M.texts == vim.NIL and vim.NIL or { items = items_at(params.position) }
  elseif method == "plt/status" then
    return M.status("Normal", "engine_off")
  elseif method == "workspace/executeCommand" and COMMANDS[params.command] then
    return COMMANDS[params.command](unpack(params.arguments))
  end
  return vim.NIL
end

--- The server as `vim.lsp.start` takes it.
function M.cmd(dispatchers)
  M.notify = dispatchers.notification
  local id, is_closing = 0, false
  local function reply(method, params, callback)
    if not is_closing then
      callback(nil, answer(method, params))
    end
  end
  return {
    request = function(method, params, callback)
      id = id + 1
      M.last_id = method == "textDocument/inlineCompletion" and id or M.last_id
      table.insert(M.received, { method = method, params = params })
      local function send()
        reply(method, params, callback)
      end
      if M.holds_back and method == "textDocument/inlineCompletion" then
        table.insert(M.waiting, send)
      else
        vim.schedule(send)
      end
      return true, id
    end,
    notify = function(method, params)
      table.insert(M.received, { method = method, params = params })
      if method == "exit" then
        is_closing = true
        dispatchers.on_exit(0, 0)
      end
      return true
    end,
    is_closing = function()
      return is_closing
    end,
    terminate = function()
      is_closing = true
      dispatchers.on_exit(0, 15)
    end,
  }
end

--- Lets the answers go that were held back, the oldest first.
function M.release()
  local waiting = M.waiting
  M.waiting = {}
  for _, send in ipairs(waiting) do
    send()
  end
end

--- The parameters of every message of a method.
function M.of(method)
  return vim.tbl_map(
    function(message)
      return message.params
    end,
    vim.tbl_filter(function(message)
      return message.method == method
    end, M.received)
  )
end

--- Has the plugin start this server instead of a process.
function M.install()
  _G.scripted = M
  require("plt.server").command = function()
    return M.cmd
  end
end

return M
