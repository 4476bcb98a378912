-- Requests and notifications of a client, alike in Neovim 0.10, whose clients have functions, and later, with methods.
-- It does not know what is said.

local M = {}

local has_methods = vim.fn.has("nvim-0.11") == 1

---@param client vim.lsp.Client
---@param method string
---@param params table?
---@param handler fun(err: table?, result: any)
---@param buf integer?
---@return boolean ok, integer? id
function M.request(client, method, params, handler, buf)
  if has_methods then
    return client:request(method, params, handler, buf)
  end
  return client.request(method, params, handler, buf)
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  if has_methods then
    client:notify(method, params)
  else
    client.notify(method, params)
  end
end

--- Has the server run one of its commands.
---@param client vim.lsp.Client
---@param command string
---@param arguments any[]?
---@param handler fun(err: table?, result: any)?
function M.execute(client, command, arguments, handler)
  local params = { command = command, arguments = arguments }
  M.request(client, "workspace/executeCommand", params, handler or function() end)
end

---@param client vim.lsp.Client
function M.stop(client)
  if has_methods then
    client:stop()
  else
    client.stop()
  end
end

return M
