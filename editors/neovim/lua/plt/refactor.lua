-- A window beside the code with what the model would make of it, as a diff that grows until it is accepted or discarded.
-- It does not know how a refactoring is written or checked; nothing changes before it is accepted.

local positions = require("plt.positions")
local remote = require("plt.remote")
local status = require("plt.status")

local M = {}

local ACCEPT, DISCARD = "<CR>", "q"

---@class plt.Refactoring plt/refactoringProgress
---@field id integer
---@field uri string
---@field range lsp.Range
---@field title string
---@field text string
---@field done boolean
---@field cancelled boolean
---@field refusal string?
---@field edit lsp.WorkspaceEdit?

---@class plt.Preview
---@field id integer
---@field source integer the buffer with the code
---@field tick integer its text when the preview began
---@field window integer of the code
---@field buf integer the preview
---@field told plt.Refactoring the newest news

local shown = nil ---@type plt.Preview?
local newest = 0

local function tell(message)
  vim.notify("plt: " .. message, vim.log.levels.WARN)
end

local function encoding()
  local client = status.client()
  return client and client.offset_encoding or "utf-16"
end

--- The changes of a document so far: the edit, or, before there is one, the range with what is written of it.
---@param told plt.Refactoring
---@return lsp.TextEdit[]
function M.edits_of(told)
  if not told.edit then
    return { { range = told.range, newText = told.text } }
  end
  local edits = {}
  for _, change in ipairs(told.edit.documentChanges or {}) do
    if change.textDocument.uri == told.uri then
      vim.list_extend(edits, change.edits)
    end
  end
  return edits
end

local function is_there(buf)
  return buf ~= nil and vim.api.nvim_buf_is_valid(buf)
end

--- Has the server end what it still writes.
local function end_writing()
  if shown and not shown.told.done then
    remote.cancel_refactoring()
  end
end

--- What is shown counts no more from now on; what is left to do takes its windows away.
---@return fun()
local function forget()
  local was = shown
  shown = nil
  return function()
    if was and is_there(was.buf) then
      vim.api.nvim_buf_delete(was.buf, { force = true })
    end
    if was and vim.api.nvim_win_is_valid(was.window) then
      vim.api.nvim_win_call(was.window, vim.cmd.diffoff)
      vim.api.nvim_set_current_win(was.window)
    end
  end
end

local function close()
  forget()()
end

---@param text string
local function label(text)
  local window = vim.fn.bufwinid(shown.buf)
  if window ~= -1 then
    vim.wo[window].winbar = text:gsub("%%", "%%%%")
  end
end

--- Draws the code as it would be.
local function fill()
  local buf, told = shown.buf, shown.told
  vim.bo[buf].modifiable = true
  vim.api.nvim_buf_set_lines(buf, 0, -1, false, vim.api.nvim_buf_get_lines(shown.source, 0, -1, false))
  vim.lsp.util.apply_text_edits(M.edits_of(told), buf, encoding())
  vim.bo[buf].modifiable, vim.bo[buf].modified, vim.bo[buf].buflisted = false, false, false
  local keys = told.edit and ("%s accepts, %s discards"):format(ACCEPT, DISCARD)
    or ("it is being written, %s cancels"):format(DISCARD)
  label(("%s: %s"):format(told.title, keys))
  vim.cmd.diffupdate()
end

local function open_window(source)
  local window = vim.fn.bufwinid(source)
  if window == -1 then
    vim.cmd.sbuffer(source)
    window = vim.api.nvim_get_current_win()
  end
  vim.api.nvim_set_current_win(window)
  vim.cmd("rightbelow vertical new")
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.swapfile = "nofile", "wipe", false
  vim.bo.filetype = vim.bo[source].filetype
  vim.cmd.diffthis()
  vim.api.nvim_win_call(window, vim.cmd.diffthis)
  return window, vim.api.nvim_get_current_buf()
end

---@param told plt.Refactoring
local function open(told)
  local source = vim.uri_to_bufnr(told.uri)
  local tick = vim.api.nvim_buf_get_changedtick(source)
  local window, buf = open_window(source)
  shown = { id = told.id, source = source, tick = tick, window = window, buf = buf, told = told }
  vim.keymap.set("n", ACCEPT, M.accept, { buffer = buf, desc = "plt: accept the refactoring" })
  vim.keymap.set("n", DISCARD, M.discard, { buffer = buf, desc = "plt: discard the refactoring" })
  vim.api.nvim_create_autocmd("BufWipeout", {
    buffer = buf,
    once = true,
    callback = function(event)
      if shown and shown.buf == event.buf then
        end_writing()
        vim.schedule(forget()) -- Neovim is about to take the buffer away itself
      end
    end,
  })
end

--- The server's news of a refactoring; the first of a new one opens a window, and the rest follow there.
---@param told plt.Refactoring
function M.note(told)
  local is_known = told.id == newest
  if told.id < newest or (is_known and not shown) then
    return
  end
  newest = told.id
  if told.refusal or told.cancelled then
    close()
    if told.refusal then
      tell(told.refusal)
    end
    return
  end
  if not is_known then
    close()
    open(told)
  end
  if vim.api.nvim_buf_get_changedtick(shown.source) == shown.tick then
    shown.told = told
    fill()
  end
end

--- Does what is shown, as one step of undo; nothing where the code is no longer what it was made for.
function M.accept()
  if not shown or not shown.told.edit then
    tell(shown and "it is still being written." or "there is no refactoring to accept.")
    return
  end
  local preview = shown
  close()
  if vim.api.nvim_buf_get_changedtick(preview.source) ~= preview.tick then
    tell("the file has changed since the refactoring was made; nothing was done.")
    return
  end
  vim.lsp.util.apply_text_edits(M.edits_of(preview.told), preview.source, encoding())
end

--- Ends what is shown, written whole or not; nothing has changed.
function M.discard()
  end_writing()
  close()
end

--- Forgets what was shown; a server that starts anew counts from one again.
function M.reset()
  close()
  newest = 0
end

--- Has some lines of the current buffer refactored, or, without them, what the cursor is in.
---@param instruction string what is to be done; where it is empty the user is asked
---@param rows plt.Rows?
function M.run(instruction, rows)
  if instruction ~= "" then
    remote.refactor(instruction, rows)
    return
  end
  vim.ui.input({ prompt = "Refactor: " }, function(answer)
    if answer and vim.trim(answer) ~= "" then
      remote.refactor(answer, rows)
    end
  end)
end

--- Has the user name what a refactoring has named for them; the server names this command in code actions.
---@param command lsp.Command its arguments are a document's URI and a position
function M.rename_at(command)
  local uri, place = unpack(command.arguments)
  local buf = vim.uri_to_bufnr(uri)
  local line = vim.api.nvim_buf_get_lines(buf, place.line, place.line + 1, false)[1]
  if not line or vim.api.nvim_get_current_buf() ~= buf then
    return
  end
  local column = positions.byte_of(line, place.character, encoding())
  vim.api.nvim_win_set_cursor(0, { place.line + 1, column })
  vim.lsp.buf.rename()
end

return M
