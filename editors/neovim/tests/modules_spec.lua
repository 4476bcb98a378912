local command = require("plt.command")
local config = require("plt.config")
local keys_of = vim.tbl_keys
local log = require("plt.log")
local menu = require("plt.menu")
local native = require("plt.native")
local positions = require("plt.positions")
local render = require("plt.render")
local restart = require("plt.restart")
local server = require("plt.server")
local state = require("plt.state")
local status = require("plt.status")

local M = {}

M["options are laid over the defaults"] = function()
  local found, problems = config.resolve({ debounce_ms = 5, keys = { accept = "<C-y>", next = false } })
  equal(problems, {})
  equal(found.debounce_ms, 5)
  equal(found.keys.accept, "<C-y>")
  equal(found.keys.next, false)
  equal(found.keys.dismiss, config.defaults().keys.dismiss)
end

M["each option that cannot be used is named with its value and what holds"] = function()
  local found, problems = config.resolve({ cmd = "plt-lsp", debounce_ms = -1, renderr = 1, keys = { aceept = "x" } })
  equal(found.cmd, nil)
  equal(found.debounce_ms, config.defaults().debounce_ms)
  equal(#problems, 4)
  assert(problems[1]:find('cmd = "plt-lsp" must be a list of words', 1, true), problems[1])
  assert(problems[2]:find("debounce_ms = -1 must be a number", 1, true), problems[2])
  assert(problems[3]:find("keys.aceept is no option", 1, true), problems[3])
  assert(problems[4]:find("renderr is no option", 1, true), problems[4])
end

M["keys = false maps none"] = function()
  equal(config.resolve({ keys = false }).keys, false)
end

M["a byte offset past the end is the end"] = function()
  equal(positions.byte_of("abc", 99, "utf-16"), 3)
  equal(positions.byte_of("abc", 99, "utf-8"), 3)
  equal(positions.byte_of("a😀b", 3, "utf-16"), 5)
  equal(positions.byte_of("a😀b", 2, "utf-32"), 5)
end

M["tabs become blanks up to the next stop, and control characters their names"] = function()
  vim.bo.tabstop = 4
  equal(render.printable("\tx\ty", 0), "    x   y")
  equal(render.printable("\tx", 3), " x")
  equal(render.printable("ü\tx", 0), "ü   x")
  equal(render.printable("日本\tx", 0), "日本    x")
  equal(render.printable("a\27b", 0), "a^[b")
  vim.bo.tabstop = 8
end

M["virtual lines are wrapped by display cells, not by bytes"] = function()
  equal(render.wrapped("abcdef", 4), { "abcd", "ef" })
  equal(render.wrapped("日本語", 4), { "日本", "語" })
  equal(render.wrapped("a日本", 2), { "a", "日", "本" })
  equal(render.wrapped("", 4), { "" })
  equal(render.wrapped("語", 1), { "語" })
end

M["the first restart is at once, later ones wait, and too many are the end of it"] = function()
  equal(restart.pause_ms(1), 0)
  equal(restart.pause_ms(2), 1000)
  equal(restart.pause_ms(5), 8000)
  equal(restart.pause_ms(6), nil)
  equal(restart.recent({ 0, 1000, 200000 }, 200001), { 200000 })
end

M["a server that is not there is told of with its remedy"] = function()
  local cmd, problem = server.command({ cmd = { "/nowhere/plt-lsp", "serve" } })
  equal(cmd, nil)
  assert(problem:find("/nowhere/plt-lsp", 1, true) and problem:find("pip install plt-lsp", 1, true), problem)
end

M["another command of the server takes the place of serve"] = function()
  equal(server.sibling({ "plt-lsp", "serve" }, "doctor"), { "plt-lsp", "doctor" })
  equal(server.sibling({ "py", "-m", "plt_lsp.cli", "serve", "--stdio" }, "--version"), {
    "py",
    "-m",
    "plt_lsp.cli",
    "--version",
  })
end

M["the log shows what the server wrote, line by line"] = function()
  local text = table.concat({
    "[START][2026-01-01 00:00:00] LSP logging initiated",
    '[ERROR][2026-01-01 00:00:01] ...p/_transport.lua:36\t"rpc"\t"plt-lsp"\t"stderr"\t"a \\"b\\"\\nc\\n"',
    '[ERROR][2026-01-01 00:00:02] ...p/_transport.lua:36\t"rpc"\t"lua-ls"\t"stderr"\t"x\\n"',
    "",
  }, "\n")
  equal(log.lines_of(text, "plt-lsp"), { 'a "b"', "c" })
end

M[":Plt completes its words and theirs"] = function()
  equal(command.complete("", "Plt "), {
    "accept",
    "budget",
    "context",
    "disable",
    "discard",
    "doctor",
    "enable",
    "explain",
    "log",
    "loops",
    "refactor",
    "restart",
    "snooze",
    "statistics",
    "status",
  })
  equal(command.complete("1", "Plt budget 1"), { "100" })
  equal(command.complete("s", "Plt s"), { "snooze", "statistics", "status" })
  equal(command.complete("", "Plt snooze "), { "0", "5", "10", "30", "60" })
  equal(command.complete("gitrebas", "Plt disable gitrebas"), { "gitrebase" })
  equal(command.complete("", "Plt status "), {})
end

M["a menu is visible when its plugin says so"] = function()
  equal(menu.is_visible(), false)
  for module, question in pairs({ cmp = "visible", ["blink.cmp"] = "is_menu_visible" }) do
    local answer = false
    package.loaded[module] = {
      [question] = function()
        return answer
      end,
    }
    equal(menu.is_visible(), false)
    answer = true
    equal(menu.is_visible(), true)
    package.loaded[module] = nil
  end
end

M["the statusline names what goes on"] = function()
  equal(status.line(), "")
  state.config = config.defaults()
  equal(status.line(), "plt: off")
  state.has_given_up = true
  equal(status.line(), "plt: stopped")
  state.has_given_up, state.config = false, nil
end

M["the statusline follows what the server tells"] = function()
  local client = status.client
  status.client = function()
    return { initialized = true }
  end
  state.config = config.defaults()
  for _, case in ipairs({
    { "Normal", nil, "plt: ready" },
    { "Normal", "engine_off", "plt: engine off" },
    { "Busy", "loading", "plt: loading" },
    { "Busy", "generating", "plt: busy" },
    { "Warning", "engine_died", "plt: engine died" },
    { "Error", "no_pack", "plt: no model" },
    { "Error", "something new", "plt: something new" },
    { "Inactive", "disabled", "plt: disabled" },
    { "Inactive", "excluded", "plt: off here" },
    { "Inactive", "snoozed", "plt: snoozed until 14:05", "Snoozed until 14:05." },
  }) do
    status.note_status({ kind = case[1], reason = case[2], message = case[4] or "" })
    equal(status.line(), case[3])
  end
  state.config, state.server, status.client = nil, nil, client
end

--- A stand-in for Neovim 0.12's module, which the Neovim that runs these tests does not have.
local function with_native(item, test)
  local calls = {}
  vim.lsp.inline_completion = {
    enable = function(...)
      table.insert(calls, { "enable", ... })
    end,
    select = function(options)
      table.insert(calls, { "select", options.count })
    end,
    get = function(options)
      table.insert(calls, { "get", options and options.on_accept and options.on_accept(item) or nil })
      return true
    end,
  }
  local ok, problem = pcall(test, calls)
  vim.lsp.inline_completion = nil
  assert(ok, problem)
end

M["Neovim's own ghost text is used where there is one"] = function()
  equal(native.is_available(), false)
  with_native(nil, function(calls)
    equal(native.is_available(), true)
    native.attach({ id = 7 })
    equal(calls, { { "enable", true, { client_id = 7 } } })
  end)
end

--- A client whose requests are answered with so many items, and Neovim's own way to ask: an autocommand that does so.
local function with_native_client(nums_items, test)
  local sent, client = {}, { id = 70 + #nums_items, initialized = true }
  client.request = function(_, method, params, handler)
    table.insert(sent, params.context.triggerKind)
    handler(nil, { items = vim.fn["repeat"]({ {} }, nums_items[#sent]) })
    return true, #sent
  end
  local buf = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_set_current_buf(buf)
  vim.api.nvim_create_autocmd("CursorMovedI", {
    buffer = buf,
    callback = function()
      local params = { context = { triggerKind = 2 } }
      client:request("textDocument/inlineCompletion", params, function() end, buf)
    end,
  })
  local known = status.client
  status.client = function()
    return client
  end
  state.client_id = client.id
  with_native(nil, function(calls)
    native.attach(client)
    vim.api.nvim_exec_autocmds("CursorMovedI", { buffer = buf }) -- as typing does
    local ok, problem = pcall(test, calls, sent)
    state.client_id, status.client = nil, known
    assert(ok, problem)
  end)
end

--- Lets what was scheduled run.
local function settle(calls, num_calls)
  assert(
    vim.wait(5000, function()
      return #calls >= num_calls
    end),
    vim.inspect(calls)
  )
end

M["Neovim's one suggestion becomes several when another is wanted"] = function()
  with_native_client({ 1, 3 }, function(calls, sent)
    equal(native.next(), true)
    settle(calls, 2)
    equal(native.previous(), true)
    equal(sent, { 2, 1 })
    equal(calls, { { "enable", true, { client_id = 72 } }, { "select", 1 }, { "select", -1 } })
  end)
end

M["where Neovim has several already nobody is asked"] = function()
  with_native_client({ 3 }, function(calls, sent)
    equal(native.next(), true)
    equal(sent, { 2 })
    equal(calls[2], { "select", 1 })
  end)
end

M["the trigger key makes Neovim's request the user's, once"] = function()
  with_native_client({ 0, 2, 0 }, function(_, sent)
    equal(native.trigger(), true)
    vim.api.nvim_exec_autocmds("CursorMovedI", { buffer = 0 })
    equal(sent, { 2, 1, 2 })
  end)
end

M["Neovim's own suggestion is dropped, and the server is told where the user has dismissed it"] = function()
  local known, told = status.client, {}
  status.client = function()
    return {
      notify = function(_, method, params)
        table.insert(told, { method, params })
      end,
    }
  end
  vim.api.nvim_set_current_buf(vim.api.nvim_create_buf(false, true))
  local uri = vim.uri_from_bufnr(0)
  with_native({ insert_text = "one" }, function(calls)
    native.hide()
    equal(told, {})
    equal(native.dismiss(), true)
    equal(calls, { { "get" }, { "get" } })
  end)
  status.client = known
  equal(told, { { "plt/didDismissCompletion", { textDocument = { uri = uri } } } })
end

M["a word of Neovim's own suggestion is inserted, and nothing left to it"] = function()
  local buf = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_set_current_buf(buf)
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, { "    ret x" })
  vim.api.nvim_win_set_cursor(0, { 1, 7 })
  with_native({ insert_text = "    return one\ntwo" }, function(calls)
    equal(native.accept_word(), true)
    equal(calls, { { "get" } })
  end)
  equal(vim.api.nvim_buf_get_lines(buf, 0, -1, false), { "    return x" })
end

M["every module of the plugin can be loaded alone"] = function()
  local folder = vim.fs.dirname(vim.fs.dirname(debug.getinfo(1, "S").source:sub(2))) .. "/lua/plt"
  local num_modules = 0
  for name in vim.fs.dir(folder) do
    local module = name:gsub("%.lua$", "")
    assert(require(module == "init" and "plt" or "plt." .. module), module)
    num_modules = num_modules + 1
  end
  assert(num_modules >= #keys_of(config.defaults().keys), num_modules)
end

M["an explanation grows in one window, and what is older is not shown any more"] = function()
  local explain = require("plt.explain")
  explain.reset()
  explain.note({ id = 3, text = "# One\n\n- fact\n", done = false })
  local buf = vim.fn.bufnr("$")
  local function lines()
    return vim.api.nvim_buf_get_lines(buf, 0, -1, false)
  end
  equal(lines(), { "# One", "", "- fact" })
  explain.note({ id = 2, text = "older", done = true })
  explain.note({ id = 3, text = "# One\n\n> said", done = true })
  equal(lines(), { "# One", "", "> said" })
  equal({ vim.bo[buf].modifiable, vim.bo[buf].filetype, #vim.api.nvim_list_wins() }, { false, "markdown", 2 })
  vim.cmd("bwipeout " .. buf)
  explain.note({ id = 3, text = "again", done = true })
  equal(#vim.api.nvim_list_wins(), 1)
  explain.reset()
end

--- A buffer with code in a window of its own, and the server's news of a refactoring of its second line.
local function with_code()
  local refactor = require("plt.refactor")
  refactor.reset()
  vim.cmd.new()
  vim.cmd.file(vim.fn.tempname() .. ".txt")
  local buf = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, { "one", "two", "three" })
  vim.cmd.let("&undolevels = &undolevels") -- what follows is a step of undo of its own
  local told = {
    id = 1,
    uri = vim.uri_from_bufnr(buf),
    range = { start = { line = 1, character = 0 }, ["end"] = { line = 2, character = 0 } },
    title = "Simplify 100 %",
    text = "2\n",
    done = false,
    cancelled = false,
  }
  return refactor, buf, told
end

local function lines_of(buf)
  return vim.api.nvim_buf_get_lines(buf, 0, -1, false)
end

local function with_edit(told, new)
  local change = { textDocument = { uri = told.uri, version = 1 }, edits = { { range = told.range, newText = new } } }
  return vim.tbl_extend("force", told, { text = new, done = true, edit = { documentChanges = { change } } })
end

M["a refactoring grows beside the code, and is one step of undo once it is accepted"] = function()
  local refactor, buf, told = with_code()
  refactor.note(told)
  local preview = vim.api.nvim_get_current_buf()
  assert(preview ~= buf and vim.wo.diff, "the preview is a diff")
  equal(lines_of(preview), { "one", "2", "three" })
  refactor.accept()
  equal(lines_of(buf), { "one", "two", "three" })
  refactor.note(with_edit(told, "2\n2b\n"))
  equal(lines_of(preview), { "one", "2", "2b", "three" })
  refactor.accept()
  equal(vim.api.nvim_get_current_buf(), buf)
  assert(not vim.wo.diff and not vim.api.nvim_buf_is_valid(preview), "the preview is gone")
  equal(lines_of(buf), { "one", "2", "2b", "three" })
  vim.cmd.undo()
  equal(lines_of(buf), { "one", "two", "three" })
  vim.cmd("bwipeout!")
end

M["what is discarded or refused leaves the code alone and does not come back"] = function()
  local refactor, buf, told = with_code()
  refactor.note(told)
  refactor.discard()
  equal(vim.api.nvim_get_current_buf(), buf)
  refactor.note(with_edit(told, "2\n"))
  equal(vim.api.nvim_get_current_buf(), buf)
  refactor.note(vim.tbl_extend("force", told, { id = 2, done = true, refusal = "Nothing." }))
  equal(vim.api.nvim_get_current_buf(), buf)
  equal(lines_of(buf), { "one", "two", "three" })
  vim.cmd("bwipeout!")
end

M["a refactoring of a text that has changed since is not done"] = function()
  local refactor, buf, told = with_code()
  refactor.note(with_edit(told, "2\n"))
  vim.api.nvim_buf_set_lines(buf, 0, 1, false, { "uno" })
  refactor.accept()
  equal(lines_of(buf), { "uno", "two", "three" })
  vim.cmd("bwipeout!")
end

return M
