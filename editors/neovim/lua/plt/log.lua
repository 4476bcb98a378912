-- The server's log as text: its lines in Neovim's language client log, one below the other as the server wrote them.
-- It does not open windows.

local M = {}

local TAIL_BYTES = 1048576

---@return string
function M.path()
  return vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
end

--- The server's lines among those of a log.
---@param text string
---@param command string the first word of the server's command line, as Neovim logs it
---@return string[]
function M.lines_of(text, command)
  local lines = {}
  for line in vim.gsplit(text, "\n", { plain = true }) do
    local said = line:match('"rpc"%s+' .. vim.pesc(vim.inspect(command)) .. '%s+"stderr"%s+"(.*)"$')
    if said then
      local plain = said:gsub("\\(.)", { n = "\n", t = "\t", ['"'] = '"', ["\\"] = "\\" })
      vim.list_extend(lines, vim.split(vim.trim(plain), "\n", { plain = true }))
    end
  end
  return lines
end

--- The end of the log file; empty where there is none.
---@return string
function M.tail()
  local file = io.open(M.path(), "rb")
  if not file then
    return ""
  end
  local size = file:seek("end")
  file:seek("set", math.max(0, size - TAIL_BYTES))
  local text = file:read("*a")
  file:close()
  return text
end

return M
