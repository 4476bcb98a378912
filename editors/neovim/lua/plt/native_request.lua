-- Turns Neovim's own requests for suggestions into the user's where the user asks: Neovim 0.12 only asks by itself.
-- It does not draw; the answers go to Neovim, which shows the first of their items.

local M = {}

local METHOD = "textDocument/inlineCompletion"
local INVOKED = 1

---@class plt.NativeState
---@field wanted function? called with the number of items once the user's request is answered; nil where none is due
---@field num_items integer of the last answer
---@field was_invoked boolean whether the user had asked for it

---@type table<integer, plt.NativeState> by client
local states = {}

local function num_items(result)
  return result and #(result.items or result) or 0
end

--- Passes a request on; one that the user waits for is marked as such, and its answer is reported.
---@param state plt.NativeState
local function marked(state, send, client, method, params, handler, ...)
  if method ~= METHOD then
    return send(client, method, params, handler, ...)
  end
  local on_answer = state.wanted
  state.wanted = nil
  if on_answer then
    params = vim.tbl_extend("force", params, { context = { triggerKind = INVOKED } })
  end
  return send(client, method, params, function(err, result, ...)
    state.num_items, state.was_invoked = num_items(result), on_answer ~= nil
    local answer = handler and handler(err, result, ...)
    if on_answer then
      vim.schedule(function()
        on_answer(state.num_items)
      end)
    end
    return answer
  end, ...)
end

--- Watches a client's requests; watching it twice is watching it once.
---@param client vim.lsp.Client
function M.watch(client)
  if states[client.id] then
    return
  end
  local state = { num_items = 0, was_invoked = false }
  states[client.id] = state
  local send = client.request
  client.request = function(self, ...)
    return marked(state, send, self, ...)
  end
end

--- Whether Neovim has all the suggestions that there are for what it shows.
---@param client_id integer
---@return boolean
function M.has_all(client_id)
  local state = states[client_id]
  return state ~= nil and (state.was_invoked or state.num_items > 1)
end

--- Has Neovim ask at once for all there are.
---@param client_id integer
---@param on_answer fun(num_items: integer)
---@return boolean whether there is a client to ask
function M.invoke(client_id, on_answer)
  local state = states[client_id]
  if not state then
    return false
  end
  state.wanted = on_answer
  vim.api.nvim_exec_autocmds("CursorMovedI", { buffer = vim.api.nvim_get_current_buf(), modeline = false })
  return true
end

return M
