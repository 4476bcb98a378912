-- Lets a suggestion grow while the server still writes it, before its answer and after it.
-- It does not ask for suggestions and does not draw.

local ghost = require("plt.ghost")
local state = require("plt.state")

local M = {}

--- Whether the server still writes what is shown, so that asking again brings more of it.
---@return boolean
function M.is_going_on()
  return state.asked ~= nil and state.asked.is_growing == true
end

--- The server's news of a text.
---@param params table plt/inlineCompletionProgress
function M.note(params)
  local asked = state.asked
  if not asked or asked.id ~= params.requestId then
    return
  end
  asked.is_growing = not params.done
  if params.text == "" or not vim.api.nvim_buf_is_valid(asked.buf) or vim.b[asked.buf].changedtick ~= asked.tick then
    return
  end
  ghost.grow(asked.buf, {
    start_row = asked.row,
    text = asked.line:sub(1, asked.col) .. params.text,
    suffix = asked.line:sub(asked.col + 1),
  })
end

return M
