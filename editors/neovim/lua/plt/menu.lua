-- Whether a completion menu is open: Neovim's own, nvim-cmp's or blink.cmp's.
-- It loads none of them and does not know ghost text.

local M = {}

--- A loaded plugin's answer to "is your menu open?"; a plugin that is not loaded, or has no such answer, says no.
---@param module string
---@param question string
---@return boolean
local function says_yes(module, question)
  local plugin = package.loaded[module]
  local ask = type(plugin) == "table" and plugin[question]
  return ask and ask() == true or false
end

---@return boolean
function M.is_visible()
  return vim.fn.pumvisible() == 1 or says_yes("blink.cmp", "is_menu_visible") or says_yes("cmp", "visible")
end

--- Calls back whenever a menu has opened or closed.
---@param group integer autocommand group
---@param on_change fun()
function M.watch(group, on_change)
  vim.api.nvim_create_autocmd({ "CompleteChanged", "CompleteDone" }, {
    group = group,
    desc = "plt: hide ghost text while the menu is open",
    callback = on_change,
  })
  vim.api.nvim_create_autocmd("User", {
    group = group,
    pattern = { "BlinkCmpMenuOpen", "BlinkCmpMenuClose" },
    desc = "plt: hide ghost text while blink.cmp's menu is open",
    callback = on_change,
  })
  vim.api.nvim_create_autocmd("InsertEnter", {
    group = group,
    desc = "plt: hear of nvim-cmp's menu once it is loaded",
    callback = function()
      local cmp = package.loaded.cmp
      if type(cmp) == "table" and cmp.event then
        cmp.event:on("menu_opened", on_change)
        cmp.event:on("menu_closed", on_change)
        return true
      end
    end,
  })
end

return M
