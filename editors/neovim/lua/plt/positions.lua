-- Between the protocol's characters and bytes of a line: the only place that counts code units.
-- It does not know buffers.

local M = {}

--- The byte offset of a character; past the end of the line it is the line's length.
---@param line string
---@param character integer in code units of the encoding
---@param encoding "utf-8"|"utf-16"|"utf-32"
---@return integer
function M.byte_of(line, character, encoding)
  if encoding == "utf-8" then
    return math.min(character, #line)
  end
  if vim.fn.has("nvim-0.11") == 1 then
    return vim.str_byteindex(line, encoding, character, false)
  end
  local num_codepoints, num_units = vim.str_utfindex(line)
  local is_utf16 = encoding == "utf-16"
  return vim.str_byteindex(line, math.min(character, is_utf16 and num_units or num_codepoints), is_utf16)
end

return M
